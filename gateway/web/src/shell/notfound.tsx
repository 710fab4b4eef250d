import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'

import { Empty } from '../ui/states'

export function NotFoundPage() {
  return (
    <Empty
      order={1}
      icon="search"
      title="There is no such page"
      action={
        <Button component={Link} to="/integrations">
          To the integrations
        </Button>
      }
    >
      The address may be mistyped, or the page has moved.
    </Empty>
  )
}
