import { useMutation } from '@connectrpc/connect-query'
import { Alert, Button, Stack, Text } from '@mantine/core'

import { describe } from '../../api/failure'
import { useAskAgain } from '../../api/invalidate'
import { MappingService } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { Dialog, DialogButtons } from '../../ui/dialog'
import { Icon } from '../../ui/icon'
import { Problem } from '../../ui/states'
import type { Row } from './rows'

// Unmap ends the mapping of one directory, after it was said what that leaves. It is written at once;
// wrote is told the versions before and after. It stands as it was when it was opened: what somebody
// decides meanwhile is refused, and load asks how it is now.
export function Unmap({ row: { tenant, version }, wrote, load, close }: { row: Row; wrote: (from: bigint, to: bigint) => void; load: () => void; close: () => void }) {
  const askAgain = useAskAgain()
  const unmap = useMutation(MappingService.method.unmapMapping, {
    onSuccess: (answer, sent) => {
      if (sent.version !== undefined) wrote(sent.version, answer.version)
      close()
      return askAgain()
    },
  })
  const outdated = unmap.isError && describe(unmap.error).kind === 'conflict'
  return (
    <Dialog onClose={close} title="End this mapping?">
      <Stack>
        <Text style={{ overflowWrap: 'anywhere' }}>
          <b dir="auto">{tenant.displayName}</b> no longer belongs to <b dir="auto">{tenant.match?.clientName ?? 'its client'}</b> and is not synced until you map it again.
        </Text>
        <Text size="sm" c="dimmed">
          No contact is deleted or made inactive. The links between its people and their contacts wait for your decision, and mapping it back to the same client puts them in force again. This is written at once.
        </Text>
        {outdated ? (
          <Alert role="alert" color="orange" icon={<Icon name="warning" />} title="Nothing was written">
            Somebody decided about the mappings after you opened this. Load how it is now, and end the mapping from there if it still should.
          </Alert>
        ) : (
          unmap.isError && <Problem error={unmap.error} title="Nothing was written" />
        )}
        <DialogButtons close={close} back={outdated ? 'Back' : 'Keep it'} focused>
          {outdated ? (
            <Button
              onClick={() => {
                close()
                load()
              }}
            >
              Load how it is now
            </Button>
          ) : (
            <Button color="red.9" loading={unmap.isPending} onClick={() => unmap.mutate({ managedTenantId: tenant.managedTenantId, version })}>
              End the mapping
            </Button>
          )}
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}
