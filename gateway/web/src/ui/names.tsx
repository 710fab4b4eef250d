import { Fragment } from 'react'

import { addressText } from './domain'

// Names are several in a row; those that are written from right to left stay in their places.
export function Names({ of }: { of: string[] }) {
  return of.map((name, i) => (
    <Fragment key={i}>
      {i > 0 && ', '}
      <bdi>{name}</bdi>
    </Fragment>
  ))
}

// Address is an e-mail address or a sign-in name; one that does not fit breaks behind its @.
export function Address({ of }: { of: string }) {
  const text = addressText(of)
  const at = text.lastIndexOf('@') + 1
  return (
    <>
      {text.slice(0, at)}
      {at > 0 && <wbr />}
      {text.slice(at)}
    </>
  )
}
