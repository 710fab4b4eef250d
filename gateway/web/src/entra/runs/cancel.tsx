import { useMutation } from '@connectrpc/connect-query'
import { Button, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { OrchestrationService } from '../../gen/entrasync/orchestration/v1/orchestration_pb'
import type { Run } from '../../gen/entrasync/syncengine/v1/run_pb'
import { DialogButtons } from '../../ui/dialog'
import { Problem } from '../../ui/states'
import { underWay } from '../../ui/words'

// CancelRun ends a run that is under way, after it was said what that leaves.
export function CancelRun({ run }: { run: Run }) {
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const [opened, { open, close }] = useDisclosure()
  const cancel = useMutation(OrchestrationService.method.cancelRun, { onSettled: () => askAgain() })
  if (!mayChange || !underWay(run.state)) return null
  return (
    <>
      <Button variant="default" size="xs" onClick={open}>
        Cancel
      </Button>
      <Modal opened={opened} onClose={close} title={run.dryRun ? 'Cancel this preview?' : 'Cancel this run?'}>
        <Stack>
          <Text>
            {run.dryRun || run.type === 'discovery'
              ? 'What it has not looked at stays unknown. You can start it again at any time.'
              : 'What is written already stays, directories under way stop at their next step, and the rest is not begun. The next sync goes on from there.'}
          </Text>
          {cancel.isError && <Problem error={cancel.error} title="It was not cancelled" />}
          <DialogButtons close={close} back="Let it go on" focused>
            <Button color="red.9" loading={cancel.isPending} onClick={() => cancel.mutate({ runId: run.runId }, { onSuccess: close })}>
              Cancel the {run.dryRun ? 'preview' : 'run'}
            </Button>
          </DialogButtons>
        </Stack>
      </Modal>
    </>
  )
}
