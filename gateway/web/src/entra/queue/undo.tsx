import { useMutation } from '@connectrpc/connect-query'
import { Button, Stack } from '@mantine/core'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { DecisionService } from '../../gen/entrasync/reconciliation/v1/decision_pb'
import type { QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { Icon } from '../../ui/icon'
import { Problem } from '../../ui/states'

// Undo takes a decision back, as long as that is possible: for a day, where nothing was built on it.
export function Undo({ item, undone }: { item: QueueItem; undone: (item: QueueItem) => void }) {
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const undo = useMutation(DecisionService.method.undoDecision, {
    onSuccess: (answer) => {
      undone(answer.item ?? item)
      return askAgain()
    },
  })
  if (!mayChange || item.decisionNumber === undefined || item.status === 'open') return null
  return (
    <Stack gap="xs" align="flex-start">
      <Button size="xs" variant="default" leftSection={<Icon name="undo" size={14} />} loading={undo.isPending} onClick={() => undo.mutate({ itemId: item.itemId, decisionNumber: item.decisionNumber ?? 0 })}>
        Take it back
      </Button>
      {undo.isError && <Problem error={undo.error} title="It was not taken back" />}
    </Stack>
  )
}
