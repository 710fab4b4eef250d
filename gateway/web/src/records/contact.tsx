import { useQuery } from '@connectrpc/connect-query'
import { SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import { flags, useFlag } from '../api/flags'
import { useClient } from '../api/names'
import type { Client } from '../gen/entrasync/mapping/v1/client_pb'
import { ContactService, type Contact } from '../gen/entrasync/syncengine/v1/contact_pb'
import { addressText } from '../ui/domain'
import { TextLink } from '../ui/link'
import { Empty, Page, Unready, ready } from '../ui/states'
import { Time } from '../ui/time'
import { inactiveReason } from '../ui/words'
import { ContactState } from './contacts'

// ContactPage shows one person, and where what is known of them comes from.
export function ContactPage() {
  const { contactId } = useParams({ from: '/contacts/$contactId' })
  const answer = useQuery(ContactService.method.getContact, { id: contactId })
  const client = useClient(answer.data?.contact?.clientId)
  if (!ready(answer)) return <Unready title="Contact" of={[answer]} list={<TextLink to="/contacts">To the contacts</TextLink>} />
  const contact = answer.data.contact
  if (!contact) return <Empty order={1} title="There is no such contact" />
  return (
    <Page
      title={<span dir="auto">{contact.fullName || 'No name'}</span>}
      name={contact.fullName}
      about={
        <>
          At{' '}
          <TextLink to="/clients/$clientId" params={{ clientId: contact.clientId }}>
            <bdi>{client?.name || 'a client'}</bdi>
          </TextLink>
        </>
      }
    >
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Facts title="Contact">
          <Fact name="State">
            <ContactState contact={contact} />
          </Fact>
          <Fact name="E-mail">{addressText(contact.email)}</Fact>
          <Fact name="Phone">{contact.phone}</Fact>
          <Fact name="Role">{contact.role}</Fact>
          {contact.signInName && <Fact name="Sign-in name">{addressText(contact.signInName)}</Fact>}
          <Fact name="Came from">
            {contact.provenance && (
              <>
                {madeBy[contact.provenance.madeBy] ?? contact.provenance.madeBy}, <Time at={contact.provenance.createdAt} />
              </>
            )}
          </Fact>
          {contact.inactive && contact.provenance?.inactiveReason && <Fact name="Why it is inactive">{inactiveReason(contact.provenance.inactiveReason)}</Fact>}
          <Fact name="Known to your application">{contact.externalId ? 'Yes' : 'Not yet'}</Fact>
        </Facts>
        <Provenance contact={contact} client={client} />
      </SimpleGrid>
      <LinkHistory contact={contact} />
    </Page>
  )
}

const madeBy: Record<string, string> = { host: 'Your application', sync: 'A sync', person: 'A person who decided in the review queue' }

const links: Record<string, string> = {
  active: 'Linked: syncs keep it up to date',
  inactive: 'Linked, and inactive',
  orphaned: 'Linked under an earlier mapping: a person decides what becomes of it',
}

function Provenance({ contact, client }: { contact: Contact; client: Client | undefined }) {
  if (!contact.entraObjectId) {
    return (
      <Facts title="Microsoft Entra">
        <Text c="dimmed">
          <Unlinked contact={contact} client={client} />
        </Text>
      </Facts>
    )
  }
  return (
    <Facts title="Microsoft Entra">
      <Fact name="Link">{links[contact.linkStatus ?? 'active'] ?? contact.linkStatus}</Fact>
      <Fact name="Sign-in name">{addressText(contact.entraUserPrincipalName ?? '')}</Fact>
      <Fact name="Account">{contact.entraAccountEnabled === undefined ? 'Microsoft does not say whether it is enabled' : contact.entraAccountEnabled ? 'Enabled' : 'Disabled'}</Fact>
      <Fact name="Last sync">
        <Time at={contact.lastEntraSyncAt} />
      </Fact>
    </Facts>
  )
}

// Unlinked says what has to be there before a sync can link an account.
function Unlinked({ contact, client }: { contact: Contact; client: Client | undefined }) {
  const entra = useFlag(flags.ui)
  if (contact.email === '') return 'No account is linked, and there is no e-mail by which a sync could find one.'
  if (!client) return 'No account is linked.'
  if (client.mappings.length > 0) return 'No account is linked. The next sync links one that has this address.'
  return <>No account is linked. No directory is mapped to this client. {entra && <TextLink to="/integrations/entra/mapping">To the mapping</TextLink>}</>
}

const linkEvents: Record<string, string | undefined> = {
  relinked: 'The account was tied to another contact',
  ended: 'The link was ended',
  contact_deleted: 'The contact was deleted, and the link ended',
  taken_over: 'The account was deleted and made again; the new one has the contact since',
}

// LinkHistory is what became of the links of the contact, the newest first.
function LinkHistory({ contact }: { contact: Contact }) {
  const history = contact.provenance?.linkHistory ?? []
  if (history.length === 0) return null
  return (
    <Facts title="Links before">
      {history.map((event, i) => (
        <Text key={i} size="sm">
          {linkEvents[event.event] ?? event.event.replaceAll('_', ' ')}, <Time at={event.at} />
          {event.decidedBy && `, by ${event.decidedBy}`}
          {event.linkedAt && (
            <>
              ; it was made <Time at={event.linkedAt} />
            </>
          )}
        </Text>
      ))}
    </Facts>
  )
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack className="card" p="lg" gap="sm" component="section" aria-label={title}>
      <Title order={2} size="h4">
        {title}
      </Title>
      {children}
    </Stack>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text component="div" style={{ overflowWrap: 'anywhere' }} dir="auto">
        {children || <Text c="dimmed">none</Text>}
      </Text>
    </div>
  )
}
