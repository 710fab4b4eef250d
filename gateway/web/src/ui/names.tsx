import { Fragment } from 'react'

// Names are several in a row; those that are written from right to left stay in their places.
export function Names({ of }: { of: string[] }) {
  return of.map((name, i) => (
    <Fragment key={i}>
      {i > 0 && ', '}
      <bdi>{name}</bdi>
    </Fragment>
  ))
}
