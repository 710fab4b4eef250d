import { Button, Group, Kbd, Stack, Text } from '@mantine/core'

import { useMayChange } from '../../api/flags'
import type { QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { suggestionReason } from '../../ui/words'
import type { Asking } from './decide'
import type { Resolve } from './resolve'

// answerOf is the answer that is suggested, in words.
export function answerOf(item: QueueItem): string {
  const suggestion = item.suggestion
  const contact = item.candidates.find((candidate) => candidate.contactId === suggestion?.contactId)
  switch (suggestion?.action) {
    case 'resolve_existing':
      return `It is ${contact?.fullName || contact?.email || 'the contact that fits'}`
    case 'resolve_new':
      return 'It needs a new contact'
    default:
      return 'It needs no contact'
  }
}

// takeSuggestion does what is suggested; a dismissal asks why first.
export function takeSuggestion(item: QueueItem, resolve: Resolve, ask: (what: Asking) => void): boolean {
  const suggestion = item.suggestion
  if (!suggestion) return false
  if (suggestion.action === 'resolve_new') resolve.create()
  else if (suggestion.action === 'dismiss') ask('dismiss')
  else {
    const contact = item.candidates.find((candidate) => candidate.contactId === suggestion.contactId)
    if (!contact) return false
    resolve.link(contact.contactId, contact.fullName || contact.email || 'the contact')
  }
  return true
}

// Suggested is the answer that is clearly best, with what speaks for it. Nothing but a person applies it.
export function Suggested({ item, resolve, ask }: { item: QueueItem; resolve: Resolve; ask: (what: Asking) => void }) {
  const mayChange = useMayChange()
  if (!item.suggestion || item.status !== 'open') return null
  return (
    <Group className="suggested" p="sm" justify="space-between" component="section" role="group" aria-label="What is suggested">
      <Stack gap={2} style={{ flex: '1 1 240px', minWidth: 0 }}>
        <Text fw={600}>
          Suggested: <bdi>{answerOf(item)}</bdi>
        </Text>
        <Text size="sm">{item.suggestion.reasons.map(suggestionReason).join(' ')}</Text>
      </Stack>
      {mayChange && !item.decisionPending && (
        <Button size="xs" rightSection={<Kbd size="xs">s</Kbd>} onClick={() => takeSuggestion(item, resolve, ask)}>
          Do that
        </Button>
      )}
    </Group>
  )
}
