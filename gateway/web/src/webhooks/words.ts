import type { Webhook } from '../gen/entrasync/gateway/v1/webhook_pb'
import type { Tone } from '../ui/words'

// What a webhook can be told, in words.
export const events: { value: string; label: string }[] = [
  { value: 'contact.created', label: 'A contact was created' },
  { value: 'contact.linked', label: 'A contact was linked to an account' },
  { value: 'contact.updated', label: 'A contact changed' },
  { value: 'contact.inactivated', label: 'A contact became inactive' },
  { value: 'contact.reactivated', label: 'A contact became active again' },
  { value: 'contact.deleted', label: 'A contact was deleted' },
  { value: 'contact.erased', label: 'A person was erased' },
  { value: 'client.created', label: 'A client was created' },
  { value: 'client.updated', label: 'A client changed' },
  { value: 'client.deleted', label: 'A client was deleted' },
  { value: 'reconciliation.item.opened', label: 'Somebody waits for your decision' },
  { value: 'reconciliation.item.resolved', label: 'A decision of the review queue was made' },
  { value: 'reconciliation.item.dismissed', label: 'An account was dismissed' },
  { value: 'reconciliation.item.superseded', label: 'A decision is no longer needed' },
  { value: 'sync.run.completed', label: 'A sync was completed' },
  { value: 'sync.run.failed', label: 'A sync failed' },
  { value: 'sync.run.held', label: 'A sync waits for approval' },
  { value: 'connection.failed', label: 'The connection stopped working' },
  { value: 'connection.recovered', label: 'The connection works again' },
  { value: 'connection.disconnected', label: 'The connection was ended' },
  { value: 'access.ending', label: 'The access to a directory ends soon' },
  { value: 'access.ended', label: 'The access to a directory has ended' },
  { value: 'webhook.disabled', label: 'A webhook was switched off' },
]

export function eventWord(value: string): string {
  if (value === 'webhook.test') return 'A test'
  return events.find((event) => event.value === value)?.label ?? value
}

// toldOf is what a webhook is told of; what it is not, where that is shorter.
export function toldOf(chosen: string[]): string {
  const left = events.filter((event) => !chosen.includes(event.value))
  if (left.length === 0) return 'Told of everything'
  if (left.length < chosen.length) return `Told of everything but: ${left.map((event) => event.label).join(' · ')}`
  return chosen.map(eventWord).join(' · ')
}

export function webhookState(webhook: Webhook): { text: string; tone: Tone; about: string } {
  if (webhook.state === 'enabled') {
    if (webhook.failingSince) return { text: 'Not answering', tone: 'warn', about: 'Messages wait and are sent again. After five days without success it is switched off.' }
    return { text: 'On', tone: 'good', about: '' }
  }
  switch (webhook.disabledReason) {
    case 'failing':
      return { text: 'Switched off', tone: 'bad', about: 'It did not answer for five days. Mend it, switch it on, and send again what it missed.' }
    case 'gone':
      return { text: 'Switched off', tone: 'bad', about: 'It answered that it is gone for good.' }
    default:
      return { text: 'Off', tone: 'quiet', about: 'A person switched it off.' }
  }
}

// deliveryError says why a message did not arrive. The server's text is for people, without a full stop.
export function deliveryError(error: string | undefined, status: number | undefined): string {
  if (status !== undefined) return `It answered ${status}`
  const text = error || 'no answer'
  return text.charAt(0).toUpperCase() + text.slice(1)
}
