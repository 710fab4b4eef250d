import { useMutation } from '@connectrpc/connect-query'
import { Alert, Button, Collapse, Group, Input, PasswordInput, SegmentedControl, Stack, Text, Textarea, TextInput, type SegmentedControlProps } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useId, useState, type FormEvent } from 'react'

import { describe } from '../../api/failure'
import { useAskAgain } from '../../api/invalidate'
import { ConnectionService } from '../../gen/entrasync/connection/v1/connection_pb'
import type { GetStatusResponse } from '../../gen/entrasync/gateway/v1/gateway_pb'
import { Dialog, DialogButtons } from '../../ui/dialog'
import { Icon } from '../../ui/icon'
import { Problem } from '../../ui/states'
import { Day } from '../../ui/time'

// Registration lets an organisation use an app registration of its own instead of the installation's.
export function Registration({ status }: { status: GetStatusResponse }) {
  const own = status.credentialSource === 'tenant-secret'
  const none = status.credentialSource === ''
  const [opened, { toggle, close }] = useDisclosure(none)
  const [removing, { open: remove, close: keep }] = useDisclosure()
  return (
    <Stack gap="sm" w="100%">
      <Group gap="sm">
        <Button variant="subtle" size="xs" px={0} h="auto" mih={30} styles={{ label: { whiteSpace: 'normal', textAlign: 'start', overflow: 'visible', lineHeight: 1.4 } }} onClick={toggle} aria-expanded={opened} rightSection={<Icon name={opened ? 'up' : 'down'} size={14} />}>
          {own ? 'Replace your own app registration' : 'Use an app registration of your own'}
        </Button>
        {own && (
          <Button variant="subtle" size="xs" color="gray" onClick={remove}>
            Remove it
          </Button>
        )}
      </Group>
      <Collapse in={opened}>{opened && <Form close={close} />}</Collapse>
      {removing && <Remove close={keep} />}
    </Stack>
  )
}

function Form({ close }: { close: () => void }) {
  const askAgain = useAskAgain()
  const [clientId, setClientId] = useState('')
  const [tenantId, setTenantId] = useState('')
  const [proof, setProof] = useState<'secret' | 'certificate'>('secret')
  const [secret, setSecret] = useState('')
  const [certificate, setCertificate] = useState('')
  const [access, setAccess] = useState('delegated')
  const save = useMutation(ConnectionService.method.setCredentials, {
    onSuccess: () => {
      // What was typed stays nowhere.
      setSecret('')
      setCertificate('')
      return askAgain()
    },
  })
  const wrong = (field: string) => (save.isError ? describe(save.error).violations.find((violation) => violation.field === field)?.message : undefined)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate({
      clientId: clientId.trim(),
      tenantId: tenantId.trim(),
      clientSecret: proof === 'secret' ? secret : '',
      clientCertificate: proof === 'certificate' ? certificate : '',
      customerAccess: access,
    })
  }
  if (save.data) {
    return (
      <Alert role="status" color="teal" icon={<Icon name="check" />} title="The app registration is stored">
        <Stack gap="xs" align="flex-start">
          <Text size="sm">
            {save.data.reconnectRequired ? 'Connect again at Microsoft, so that it is used.' : 'It is used from now on.'}
            {save.data.certificateExpiresAt && (
              <>
                {' '}
                Its certificate ends on <Day at={save.data.certificateExpiresAt} />.
              </>
            )}
          </Text>
          <Button size="xs" variant="default" onClick={close}>
            Close
          </Button>
        </Stack>
      </Alert>
    )
  }
  return (
    <form onSubmit={submit} autoComplete="off">
      <Stack gap="sm" maw={560}>
        <TextInput label="Application (client) id" required value={clientId} error={wrong('clientId') && 'An id as Microsoft shows it: letters, digits and hyphens.'} onChange={(event) => setClientId(event.currentTarget.value)} />
        <TextInput label="Directory (tenant) id or domain" description="Of the app registration itself. Empty for an app that any organisation may use." value={tenantId} error={wrong('tenantId') && 'An id as Microsoft shows it, or a domain.'} onChange={(event) => setTenantId(event.currentTarget.value)} />
        <OneOf
          label="How the app proves itself"
          value={proof}
          onChange={(value) => setProof(value === 'secret' ? 'secret' : 'certificate')}
          data={[
            { value: 'secret', label: 'Client secret' },
            { value: 'certificate', label: 'Certificate' },
          ]}
        />
        {proof === 'secret' ? (
          <PasswordInput label="Client secret" description="Its value, not its id. It cannot be read here again." required value={secret} error={wrong('clientSecret')} onChange={(event) => setSecret(event.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': 'Show the secret' }} />
        ) : (
          <Textarea label="Private key and certificate" description="As PEM, one after the other. The key cannot be read here again." required autosize minRows={4} maxRows={10} value={certificate} error={wrong('clientCertificate')} onChange={(event) => setCertificate(event.currentTarget.value)} />
        )}
        <OneOf
          label="How your customers’ directories are read"
          value={access}
          onChange={setAccess}
          data={[
            { value: 'delegated', label: 'By your partner sign-in' },
            { value: 'app_only', label: 'By the app itself' },
          ]}
        />
        <Text size="sm" c="dimmed">
          {access === 'delegated' ? 'Reads customers with the delegated admin relationships of whoever connects.' : 'Each customer consents to the app once; nobody’s sign-in is needed to read.'}
        </Text>
        {save.isError && describe(save.error).violations.length === 0 && <Problem error={save.error} title="It was not stored" />}
        <Group>
          <Button type="submit" variant="light" loading={save.isPending}>
            Store it
          </Button>
          <Button variant="default" onClick={close}>
            Back
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

// OneOf is a choice below what it is about.
function OneOf({ label, ...choice }: { label: string } & Omit<SegmentedControlProps, 'aria-labelledby'>) {
  const id = useId()
  return (
    <Stack gap={4}>
      <Input.Label labelElement="div" id={id}>
        {label}
      </Input.Label>
      <SegmentedControl aria-labelledby={id} {...choice} />
    </Stack>
  )
}

function Remove({ close }: { close: () => void }) {
  const askAgain = useAskAgain()
  const remove = useMutation(ConnectionService.method.deleteCredentials, {
    onSuccess: () => {
      close()
      return askAgain()
    },
  })
  return (
    <Dialog onClose={close} title="Remove your own app registration?">
      <Stack>
        <Text>That of this installation is used from then on, where there is one. You may have to connect again at Microsoft.</Text>
        {remove.isError && <Problem error={remove.error} title="It was not removed" />}
        <DialogButtons close={close} back="Keep it" focused>
          <Button color="red.9" loading={remove.isPending} onClick={() => remove.mutate({})}>
            Remove it
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}
