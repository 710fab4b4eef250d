import { Button, Center, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'

// Rows is a table of the house: a head, rows, and a way to load more where there is more.
export function Rows({ head, label, children, more, loading }: { head: string[]; label: string; children: ReactNode; more?: (() => void) | undefined; loading?: boolean }) {
  return (
    <div className="card">
      <Table.ScrollContainer minWidth={640} scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': label, role: 'region' } }}>
        <Table className="rows" aria-label={label} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              {head.map((title) => (
                <Table.Th key={title}>
                  <Text size="sm" c="dimmed" fw={600} component="span">
                    {title}
                  </Text>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{children}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {more && (
        <Center p="md">
          <Button variant="default" onClick={more} loading={loading ?? false}>
            Show more
          </Button>
        </Center>
      )}
    </div>
  )
}
