import { useMutation } from '@connectrpc/connect-query'
import { Button, Stack, Text } from '@mantine/core'

import { useAskAgain } from '../../api/invalidate'
import { MappingService, type PreviewRow } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { Dialog, DialogButtons } from '../../ui/dialog'
import { Problem } from '../../ui/states'

// Unmap ends the mapping of one directory, after it was said what that leaves. It is written at once;
// wrote is told the versions before and after.
export function Unmap({ tenant, version, wrote, close }: { tenant: PreviewRow; version: bigint; wrote: (from: bigint, to: bigint) => void; close: () => void }) {
  const askAgain = useAskAgain()
  const unmap = useMutation(MappingService.method.unmapMapping, {
    onSuccess: (answer, sent) => {
      if (sent.version !== undefined) wrote(sent.version, answer.version)
      close()
      return askAgain()
    },
  })
  return (
    <Dialog onClose={close} title="End this mapping?">
      <Stack>
        <Text style={{ overflowWrap: 'anywhere' }}>
          <b dir="auto">{tenant.displayName}</b> no longer belongs to <b dir="auto">{tenant.match?.clientName ?? 'its client'}</b> and is not synced until you map it again.
        </Text>
        <Text size="sm" c="dimmed">
          No contact is deleted or made inactive. The links between its people and their contacts wait for your decision, and mapping it back to the same client puts them in force again. This is written at once.
        </Text>
        {unmap.isError && <Problem error={unmap.error} title="Nothing was written" />}
        <DialogButtons close={close} back="Keep it" focused>
          <Button color="red.9" loading={unmap.isPending} onClick={() => unmap.mutate({ managedTenantId: tenant.managedTenantId, version })}>
            End the mapping
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}
