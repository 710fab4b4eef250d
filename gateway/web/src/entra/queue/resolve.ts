import { useMutation } from '@connectrpc/connect-query'

import { useAskAgain } from '../../api/invalidate'
import { DecisionService } from '../../gen/entrasync/reconciliation/v1/decision_pb'
import type { QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { isolated } from '../../ui/words'

// Done is what was decided, in words, with the item as it is now.
export interface Done {
  text: string
  item?: QueueItem | undefined
}

// Resolve is what can be decided about an item, whether by a button or by a key.
export interface Resolve {
  link: (contactId: string, name: string) => void
  create: () => void
  dismiss: (reason: string) => void
  // Which of them is being carried out: the contact's id, create or dismiss.
  pending: string
  error: unknown
}

export function whoIs(item: QueueItem | undefined): string {
  return item?.displayName || item?.userPrincipalName || 'The account'
}

// useResolve carries out decisions about an item, and says in words what was decided.
export function useResolve(item: QueueItem | undefined, decided: (done: Done) => void): Resolve {
  const askAgain = useAskAgain()
  const link = useMutation(DecisionService.method.resolveToExisting)
  const create = useMutation(DecisionService.method.resolveToNew)
  const dismiss = useMutation(DecisionService.method.dismissItem)
  const itemId = item?.itemId ?? ''
  const who = isolated(whoIs(item))
  const busy = link.isPending || create.isPending || dismiss.isPending
  const told = (text: string) => ({
    onSuccess: (answer: { item?: QueueItem | undefined }) => {
      decided({ text, item: answer.item })
      return askAgain()
    },
  })
  const reset = () => {
    for (const each of [link, create, dismiss]) each.reset()
  }
  const mine = (variables: { itemId?: string | undefined } | undefined) => variables?.itemId === itemId
  const failed = [link, create, dismiss].find((each) => each.isError && mine(each.variables))
  return {
    link: (contactId, name) => {
      if (busy) return
      reset()
      link.mutate({ itemId, contactId }, told(`${who} is linked to ${isolated(name)}.`))
    },
    create: () => {
      if (busy) return
      reset()
      create.mutate({ itemId }, told(`${who} has a new contact.`))
    },
    dismiss: (reason) => {
      if (busy) return
      reset()
      dismiss.mutate({ itemId, reason }, told(`${who} was dismissed.`))
    },
    pending: link.isPending ? (link.variables?.contactId ?? '') : create.isPending ? 'create' : dismiss.isPending ? 'dismiss' : '',
    error: failed?.error ?? undefined,
  }
}
