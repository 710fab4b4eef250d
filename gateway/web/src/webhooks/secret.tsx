import { Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core'

import { Dialog } from '../ui/dialog'

// Secret shows what signs the messages, once.
export function Secret({ secret, close }: { secret: string; close: () => void }) {
  return (
    <Dialog onClose={close} title="The secret of this webhook" closeOnClickOutside={false}>
      <Stack>
        <Text>Your application checks with it that a message comes from here. It is shown this once; keep it where your application keeps its secrets.</Text>
        <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {secret}
        </Code>
        <Group justify="flex-end">
          <CopyButton value={secret}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button onClick={close} data-autofocus>
            I have kept it
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
