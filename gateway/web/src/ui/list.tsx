import { Button, Center, Table, Text } from '@mantine/core'
import type { CSSProperties, ReactNode } from 'react'

// Rows is a table of the house: a head, rows, and a way to load more where there is more. Where there
// is no room for columns each row stands by itself, a line for each column, with the column's title.
export function Rows({ head, label, children, more, loading }: { head: string[]; label: string; children: ReactNode; more?: (() => void) | undefined; loading?: boolean }) {
  // What the style sheet writes before each line of a narrow row.
  const titles = Object.fromEntries(head.map((title, i) => [`--title-${i + 1}`, JSON.stringify(title)])) as CSSProperties
  return (
    <div className="card listing">
      <Table.ScrollContainer minWidth={640} scrollAreaProps={{ offsetScrollbars: 'present', viewportProps: { tabIndex: 0, 'aria-label': label, role: 'region' } }}>
        <Table className="rows" role="table" aria-label={label} style={titles} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              {head.map((title) => (
                <Table.Th key={title} role="columnheader">
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
