import { useInfiniteQuery, useMutation } from '@connectrpc/connect-query'
import { Button, Divider, Group, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { MappingService, type Mapping } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { Dialog, DialogButtons } from '../../ui/dialog'
import { Icon } from '../../ui/icon'
import { TextLink } from '../../ui/link'
import { Problem, failed } from '../../ui/states'
import { counted, isolated } from '../../ui/words'

type Choice = { mapping: Mapping; decision: 'relink' | 'leave' }

// Orphans lists the directories whose links were made under another client, and lets a person say
// what becomes of them. It takes no place while there are none.
export function Orphans() {
  const mayChange = useMayChange()
  const [choice, setChoice] = useState<Choice>()
  const [done, setDone] = useState<{ name: string; decision: string; runId?: string | undefined }>()
  const mappings = useInfiniteQuery(MappingService.method.listMappings, { orphans: true, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
    // Links follow a moment after their mapping has changed.
    refetchInterval: 15_000,
  })
  const list = mappings.data?.pages.flatMap((page) => page.mappings) ?? []
  if (failed(mappings)) return <Problem error={mappings.error} again={() => void mappings.refetch()} />
  if (list.length === 0 && !done) return null
  return (
    <Stack className="card" gap={0} component="section" aria-labelledby="orphans">
      <Stack gap={2} p="md" px="lg">
        <Group gap="sm">
          <Text c="orange" component="span" lh={0}>
            <Icon name="warning" />
          </Text>
          <Title order={2} size="h4" id="orphans">
            Links of an earlier client
          </Title>
        </Group>
        <Text size="sm" c="dimmed">
          These directories belonged to another client before. Their people are still tied to its contacts; nothing happens to them until you decide.
        </Text>
      </Stack>
      {list.map((mapping) => (
        <div key={mapping.managedTenantId}>
          <Divider />
          <Group px="lg" py="sm" justify="space-between">
            <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
              <Text fw={600} dir="auto">
                {mapping.displayName}
              </Text>
              <Text size="sm" c="dimmed">
                {counted(mapping.orphanedLinks ?? 0, 'link')} ·{' '}
                {mapping.state === 'mapped' ? (
                  <>
                    now mapped to <bdi>{mapping.clientName ?? 'another client'}</bdi>
                  </>
                ) : (
                  'not mapped now'
                )}
              </Text>
            </div>
            {mayChange && (
              <Group gap="sm">
                {mapping.state === 'mapped' ? <Button size="xs" variant="light" onClick={() => setChoice({ mapping, decision: 'relink' })} aria-label={`Move to the new client: ${mapping.displayName}`}>
                  Move to the new client
                </Button> : <Text size="sm" c="dimmed">Map it to move them</Text>}
                <Button size="xs" variant="default" onClick={() => setChoice({ mapping, decision: 'leave' })} aria-label={`Leave behind: ${mapping.displayName}`}>
                  Leave behind
                </Button>
              </Group>
            )}
          </Group>
        </div>
      ))}
      {mappings.hasNextPage && (
        <Button m="md" variant="default" onClick={() => void mappings.fetchNextPage()} loading={mappings.isFetchingNextPage}>
          Show more
        </Button>
      )}
      {done && (
        <>
          <Divider />
          <Text px="lg" py="sm" size="sm" role="status">
            {done.decision === 'relink' ? `The people of ${isolated(done.name)} are tied to contacts of the new client.` : `The contacts of ${isolated(done.name)} stay where they are.`}{' '}
            {done.runId && (
              <TextLink to="/integrations/entra/runs/$runId" params={{ runId: done.runId }} size="sm">
                Follow the sync
              </TextLink>
            )}
          </Text>
        </>
      )}
      {choice && (
        <Confirm
          choice={choice}
          close={() => setChoice(undefined)}
          settled={(runId) => {
            setDone({ name: choice.mapping.displayName, decision: choice.decision, runId })
            setChoice(undefined)
          }}
        />
      )}
    </Stack>
  )
}

function Confirm({ choice, close, settled }: { choice: Choice; close: () => void; settled: (runId?: string) => void }) {
  const askAgain = useAskAgain()
  const { mapping, decision } = choice
  const unmapped = mapping.state !== 'mapped'
  const decide = useMutation(MappingService.method.decideOrphans, {
    onSuccess: (answer) => {
      settled(answer.runId)
      return askAgain()
    },
  })
  const links = counted(mapping.orphanedLinks ?? 0, 'person is', 'people are')
  return (
    <Dialog onClose={close} title={decision === 'relink' ? 'Move the links to the new client?' : 'Leave the old contacts behind?'}>
      <Stack>
        <Text style={{ overflowWrap: 'anywhere' }}>
          {decision === 'relink'
            ? `${links} tied to contacts of ${mapping.clientName ?? 'the new client'}, found by address or made anew. A sync of that client starts for it.`
            : `The contacts of the earlier client stay, without a link. ${
                unmapped
                  ? 'The directory is mapped to no client: nobody of it is synced until you map it; then these people are new to that client.'
                  : 'To the new client these people are new: the next sync finds or makes their contacts there.'
              }`}
        </Text>
        {decide.isError && <Problem error={decide.error} title="Nothing was decided" />}
        <DialogButtons close={close}>
          <Button data-autofocus loading={decide.isPending} onClick={() => decide.mutate({ managedTenantId: mapping.managedTenantId, decision })}>
            {decision === 'relink' ? 'Move them' : 'Leave them'}
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}
