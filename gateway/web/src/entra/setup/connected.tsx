import { useMutation } from '@connectrpc/connect-query'
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { ConnectionService } from '../../gen/entrasync/connection/v1/connection_pb'
import type { GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { DialogButtons } from '../../ui/dialog'
import { Icon } from '../../ui/icon'
import { MicrosoftNumber, Problem, State } from '../../ui/states'
import { Time } from '../../ui/time'
import { connectionState, counted, credentialSource, parted } from '../../ui/words'
import { Registration } from './registration'

// Connected is a connection that works, with what one does with it: check it, or take it away.
export function Connected({ status }: { status: GetStatusResponse }) {
  const mayChange = useMayChange()
  const askAgain = useAskAgain()
  const [opened, { open, close }] = useDisclosure()
  const validate = useMutation(ConnectionService.method.validateDirect, { onSettled: () => askAgain() })
  const disconnect = useMutation(ConnectionService.method.disconnect, { onSuccess: () => askAgain() })
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Group gap="sm">
          <State {...connectionState(status.status)} />
          <Text size="sm" c="dimmed">
            Checked <Time at={status.lastValidatedAt} />, with {credentialSource(status.credentialSource)}
          </Text>
        </Group>
        {mayChange && (
          <Group gap="sm">
            <Button variant="light" onClick={() => validate.mutate({})} loading={validate.isPending}>
              Check now
            </Button>
            <Button variant="default" onClick={open}>
              Disconnect
            </Button>
          </Group>
        )}
      </Group>
      {mayChange && <Registration status={status} />}
      {validate.data &&
        (validate.data.valid ? (
          <Alert role="status" color="teal" icon={<Icon name="check" />}>
            The connection works.{validate.data.managedTenantSampleCount > 0 && ` It was tried on ${counted(validate.data.managedTenantSampleCount, 'directory', 'directories')}.`}
          </Alert>
        ) : (
          <Alert role="alert" color="red" icon={<Icon name="error" />} title={parted(validate.data.error?.message ?? 'The connection does not work.').sentence}>
            Connect again at Microsoft.
            <MicrosoftNumber of={parted(validate.data.error?.message ?? '').number} />
          </Alert>
        ))}
      {validate.isError && <Problem error={validate.error} title="The connection could not be checked" />}
      <Modal opened={opened} onClose={close} title="Disconnect from Microsoft?">
        <Stack>
          <Text>The access is deleted here, syncs that run are cancelled, and the schedule pauses. Contacts, mappings and the history stay; connecting again goes on from there.</Text>
          <Text size="sm" c="dimmed">
            To take back the consent as well, remove the app in your partner directory.
          </Text>
          {disconnect.isError && <Problem error={disconnect.error} />}
          <DialogButtons close={close} back="Stay connected" focused>
            <Button color="red.9" loading={disconnect.isPending} onClick={() => disconnect.mutate({}, { onSuccess: close })}>
              Disconnect
            </Button>
          </DialogButtons>
        </Stack>
      </Modal>
    </Stack>
  )
}
