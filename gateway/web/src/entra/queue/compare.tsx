import { createQueryOptions } from '@connectrpc/connect-query'
import { Button, Group, Kbd, Table, Text, VisuallyHidden } from '@mantine/core'
import { useQueries } from '@tanstack/react-query'
import type { CSSProperties, ReactNode } from 'react'

import { transport } from '../../api/client'
import { useMayChange } from '../../api/flags'
import type { Candidate, QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { ContactService, type Contact } from '../../gen/entrasync/syncengine/v1/contact_pb'
import { addressText } from '../../ui/domain'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Address } from '../../ui/names'
import { State } from '../../ui/states'
import { Time } from '../../ui/time'
import { count } from '../../ui/words'
import type { Resolve } from './resolve'

// One line of the comparison: what the account says and what each contact says, where either is told.
interface Line {
  head: string
  account?: string
  of?: (candidate: Candidate, contact: Contact | undefined) => ReactNode
}

const lines: (item: QueueItem) => Line[] = (item) => [
  { head: 'Name', account: item.displayName, of: (candidate) => candidate.fullName },
  { head: 'E-mail', account: addressText(item.email), of: (candidate) => addressText(candidate.email) },
  { head: 'Sign-in name', account: addressText(item.userPrincipalName), of: (_, contact) => addressText(contact?.entraUserPrincipalName ?? '') },
  { head: 'Phone', of: (_, contact) => contact?.phone ?? '' },
  { head: 'Role', of: (_, contact) => contact?.role ?? '' },
  {
    head: 'State',
    account: item.accountEnabled === undefined ? '' : item.accountEnabled ? 'Account is enabled' : 'Account is disabled',
    of: (candidate) => (candidate.inactive ? <State text="Inactive" tone="quiet" /> : <State text="Active" tone="good" />),
  },
  { head: 'Licences', account: item.assignedLicenceCount === undefined ? '' : count(item.assignedLicenceCount) },
  { head: 'Kind', account: item.userType },
  { head: 'Linked to', of: (candidate, contact) => (candidate.linkedTo ? addressText(candidate.linkedIdentity?.userPrincipalName || contact?.entraUserPrincipalName || '') || 'another account' : <Text c="dimmed" size="sm">nobody</Text>) },
  { head: 'Last change', of: (_, contact) => contact?.provenance?.updatedAt && <Time at={contact.provenance.updatedAt} /> },
]

function same(a: string | undefined, b: ReactNode): boolean {
  return typeof b === 'string' && a !== undefined && a.trim() !== '' && a.trim().toLowerCase() === b.trim().toLowerCase()
}

// Compare holds the account beside the contacts that it may belong to, line by line. What agrees with
// the account is marked; lines in which nobody says anything are left out.
export function Compare({ item, resolve }: { item: QueueItem; resolve: Resolve }) {
  const mayChange = useMayChange()
  const contacts = useQueries({ queries: item.candidates.map((candidate) => createQueryOptions(ContactService.method.getContact, { id: candidate.contactId }, { transport })) }).map((answer) => answer.data?.contact)
  const shown = lines(item).filter((line) => Boolean(line.account) || item.candidates.some((candidate, i) => Boolean(line.of?.(candidate, contacts[i]))))
  const width = 110 + 155 * (item.candidates.length + 1)
  return (
    <div className="comparison">
      <Table.ScrollContainer minWidth={Math.min(width, 1400)} scrollAreaProps={{ offsetScrollbars: 'present', viewportProps: { tabIndex: 0, 'aria-label': 'The account beside the contacts', role: 'region' } }}>
        <Table className="compare" role="table" aria-label="The account beside the contacts" style={{ '--columns': item.candidates.length + 1 } as CSSProperties} layout="fixed" verticalSpacing="xs" horizontalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={110} role="columnheader">
                <VisuallyHidden>What</VisuallyHidden>
              </Table.Th>
              <Table.Th role="columnheader">
                <Text size="sm" fw={600} c="dimmed">
                  In Microsoft Entra
                </Text>
              </Table.Th>
              {item.candidates.map((candidate, i) => (
                <Table.Th key={candidate.contactId} role="columnheader">
                  <Group gap={6} wrap="nowrap">
                    {i < 9 && mayChange && !candidate.linkedTo && item.status === 'open' && <Kbd size="xs">{i + 1}</Kbd>}
                    <TextLink to="/contacts/$contactId" params={{ contactId: candidate.contactId }} size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
                      Contact {item.candidates.length > 1 && i + 1}
                    </TextLink>
                  </Group>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((line) => (
              <Table.Tr key={line.head}>
                <Table.Th role="rowheader">
                  <Text size="sm" c="dimmed" fw={600}>
                    {line.head}
                  </Text>
                </Table.Th>
                <Table.Td>
                  {line.account !== undefined && <Value>{line.account}</Value>}
                </Table.Td>
                {item.candidates.map((candidate, i) => {
                  const value = line.of?.(candidate, contacts[i])
                  return (
                    <Table.Td key={candidate.contactId}>
                      {line.of && <Value agrees={same(line.account, value)}>{value}</Value>}
                    </Table.Td>
                  )
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
          {item.status === 'open' && mayChange && item.candidates.length > 0 && (
            <Table.Tfoot role="rowgroup">
              <Table.Tr>
                <Table.Td />
                <Table.Td />
                {item.candidates.map((candidate) => (
                  <Table.Td key={candidate.contactId}>
                    {candidate.linkedTo ? (
                      <Text size="sm" c="dimmed">
                        Belongs to another account
                      </Text>
                    ) : (
                      <Button
                        size="xs"
                        variant={item.suggestion?.contactId === candidate.contactId ? 'filled' : 'light'}
                        loading={resolve.pending === candidate.contactId}
                        onClick={() => resolve.link(candidate.contactId, candidate.fullName || candidate.email || 'the contact')}
                        aria-label={`It is this one: ${candidate.fullName || candidate.email}`}
                      >
                        It is this one
                      </Button>
                    )}
                  </Table.Td>
                ))}
              </Table.Tr>
            </Table.Tfoot>
          )}
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}

function Value({ children, agrees = false }: { children: ReactNode; agrees?: boolean }) {
  if (children === '' || children === undefined || children === null) {
    return (
      <Text size="sm" c="dimmed">
        –
      </Text>
    )
  }
  if (typeof children !== 'string') return children
  return (
    <Group gap={4} wrap="nowrap" align="flex-start">
      <Text size="sm" dir="auto" style={{ overflowWrap: 'anywhere' }}>
        <Address of={children} />
      </Text>
      {agrees && (
        <Text c="teal" component="span" lh={0} pt={2}>
          <Icon name="check" size={16} />
          <VisuallyHidden>as the account</VisuallyHidden>
        </Text>
      )}
    </Group>
  )
}
