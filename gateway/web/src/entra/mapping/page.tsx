import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Alert, Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useDeferredValue, useMemo, useState } from 'react'

import { useMayChange } from '../../api/flags'
import { useAskAgain } from '../../api/invalidate'
import { describe } from '../../api/failure'
import { MappingService, type ConfirmMappingsResponse, type PreviewRow } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { Icon } from '../../ui/icon'
import { ButtonLink, TextLink } from '../../ui/link'
import { Empty, Page, Problem, Unready, ready } from '../../ui/states'
import { count, counted } from '../../ui/words'
import { ConfirmBar } from './confirm'
import { madeOn, useDecisions, type Decisions } from './decisions'
import { chosen, counts, rowsOf, type Filter, type Row } from './rows'
import { Sheet } from './sheet'
import { Orphans } from './orphans'
import { Past } from './past'
import { MappingTable } from './table'
import { Unmap } from './unmap'

// MappingPage decides which directory belongs to which client. What is decided here is written by one
// confirm, which says beforehand what it will do.
export function MappingPage() {
  const preview = useQuery(MappingService.method.getMappingPreview, {}, { refetchOnWindowFocus: true, staleTime: 30_000 })
  if (!ready(preview)) return <Unready title="Mapping" of={[preview]} lines={10} label="Comparing directories with clients" />
  const reload = async () => {
    const answer = await preview.refetch()
    return answer.isSuccess ? answer.data.version : undefined
  }
  return <Mapping rows={rowsOf(preview.data)} reload={reload} />
}

// Mapping is the table; reload asks for it again and gives the version that it has then,
// or nothing when there is no answer.
function Mapping({ rows, reload }: { rows: Row[]; reload: () => Promise<bigint | undefined> }) {
  const mayChange = useMayChange()
  const provisional = useDecisions()
  const askAgain = useAskAgain()
  const [text, setText] = useState('')
  const number = useMemo(() => counts(rows), [rows])
  const [filter, setFilter] = useState<Filter>(number.open > 0 ? 'open' : 'all')
  const searched = useDeferredValue(text)
  const shown = useMemo(() => chosen(rows, filter, searched), [rows, filter, searched])
  const [ending, setEnding] = useState<Row>()
  const [past, setPast] = useState<PreviewRow>()
  const [written, setWritten] = useState<ConfirmMappingsResponse>()
  const confirm = useMutation(MappingService.method.confirmMappings, {
    onSuccess: (answer, sent) => {
      setWritten(answer)
      if (sent.version !== undefined) provisional.wrote(sent.version, answer.version)
      provisional.clear()
      return askAgain()
    },
  })
  // Only what still concerns a row that is there is shown and sent.
  const ids = useMemo(() => new Set(rows.map((row) => row.tenant.managedTenantId)), [rows])
  const decisions: Decisions = Object.fromEntries(Object.entries(provisional.decisions).filter(([id]) => ids.has(id)))
  const unwritten = Object.keys(decisions).length
  const send = () =>
    confirm.mutate({
      version: madeOn(decisions),
      decisions: Object.entries(decisions).map(([managedTenantId, { decision, clientId }]) => ({ managedTenantId, decision, clientId })),
    })
  const load = async () => {
    const at = await reload()
    if (at !== undefined) provisional.loaded(at)
  }
  // What is decided or taken back after a refusal does not move its conflicts to other rows.
  const conflicts = confirm.isError ? rowConflicts(confirm.error, confirm.variables.decisions ?? []) : {}
  const exact = rows.filter((row) => row.group === 'exact' && row.tenant.state === 'undecided' && row.tenant.match && !decisions[row.tenant.managedTenantId])
  if (rows.length === 0) {
    return (
      <Page title="Mapping">
        <div className="card">
          <Empty icon="link" title="No directories were found yet" action={<ButtonLink to="/integrations/entra/setup">To the setup</ButtonLink>}>
            A discovery finds the directories of your customers. They appear here with the client that fits best.
          </Empty>
        </div>
      </Page>
    )
  }
  return (
    <Page title="Mapping" about={`Which directory belongs to which client.${mayChange ? ' Nothing is written before you confirm.' : ''}`} actions={<Sheet mayChange={mayChange} wrote={provisional.wrote} />}>
      {!mayChange && <Alert icon={<Icon name="lock" />}>You may look, not change.</Alert>}
      <Orphans />
      <Group justify="space-between" align="flex-end">
        <TextInput
          label="Find"
          placeholder="Directory, domain or client"
          leftSection={<Icon name="search" size={16} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          w={{ base: '100%', sm: 320 }}
        />
        {mayChange && exact.length > 0 && (
          <Button
            variant="light"
            leftSection={<Icon name="check" size={16} />}
            onClick={() =>
              provisional.decideAll(exact, ({ tenant }) => ({ decision: 'map', clientId: tenant.match?.clientId ?? '', clientName: tenant.match?.clientName ?? '' }))
            }
          >
            Accept {counted(exact.length, 'exact match', 'exact matches')}
          </Button>
        )}
      </Group>
      <SegmentedControl
        className="groups"
        aria-label="Which directories"
        value={filter}
        onChange={(value) => setFilter(value as Filter)}
        style={{ alignSelf: 'flex-start', flexWrap: 'wrap' }}
        data={[
          { value: 'open', label: `To decide (${count(number.open)})` },
          { value: 'exact', label: `Exact (${count(number.exact)})` },
          { value: 'similar', label: `Similar (${count(number.similar)})` },
          { value: 'none', label: `No match (${count(number.none)})` },
          { value: 'mapped', label: `Mapped (${count(number.mapped)})` },
          { value: 'skipped', label: `Skipped (${count(number.skipped)})` },
          { value: 'all', label: `All (${count(number.all)})` },
        ]}
      />
      {written && <Written answer={written} close={() => setWritten(undefined)} />}
      {confirm.isError && <NotWritten error={confirm.error} load={() => void load()} />}
      {shown.length === 0 ? (
        <div className="card">
          <Empty icon="check" title={searched ? 'Nothing fits' : filter === 'open' ? 'Everything is decided' : 'None'}>
            {searched ? 'No directory, domain or client has these words.' : filter === 'skipped' ? 'What you skip stays here, with a way back.' : 'Choose another group above.'}
          </Empty>
        </div>
      ) : (
        <MappingTable rows={shown} decisions={decisions} conflicts={conflicts} mayChange={mayChange} decide={provisional.decide} undo={provisional.undo} unmap={setEnding} past={setPast} />
      )}
      {ending && <Unmap row={ending} wrote={provisional.wrote} load={() => void load()} close={() => setEnding(undefined)} />}
      {past && <Past tenant={past} close={() => setPast(undefined)} />}
      {mayChange && unwritten > 0 && <ConfirmBar decisions={decisions} pending={confirm.isPending} send={send} clear={provisional.clear} />}
    </Page>
  )
}

// rowConflicts puts what the server says of single decisions that were sent beside their rows.
function rowConflicts(error: unknown, sent: { managedTenantId?: string }[]): Record<string, string> {
  const found: Record<string, string> = {}
  const failure = describe(error)
  for (const violation of failure.violations) {
    const index = /^decisions\[(\d+)\]/.exec(violation.field)?.[1]
    const id = index === undefined ? undefined : sent[Number(index)]?.managedTenantId
    if (id) found[id] = failure.reason === 'stale_version' ? 'Somebody else decided about this one meanwhile.' : violation.message
  }
  return found
}

function NotWritten({ error, load }: { error: unknown; load: () => void }) {
  const failure = describe(error)
  if (failure.kind !== 'conflict') return <Problem error={error} title="Nothing was written" />
  return (
    <Alert role="alert" color="orange" icon={<Icon name="warning" />} title="Nothing was written">
      <Stack gap="xs" align="flex-start">
        {failure.reason !== 'stale_version' && <Text size="sm">{failure.message}</Text>}
        <Text size="sm">Your decisions are kept. Load how it is now, look at the marked rows, and confirm again.</Text>
        <Button size="xs" variant="outline" color="orange" onClick={load}>
          Load how it is now
        </Button>
      </Stack>
    </Alert>
  )
}

function Written({ answer, close }: { answer: ConfirmMappingsResponse; close: () => void }) {
  return (
    <Alert role="status" color="teal" icon={<Icon name="check" />} title={`${counted(answer.confirmed, 'decision is', 'decisions are')} written`} withCloseButton onClose={close} closeButtonLabel="Close">
      <Text size="sm">
        {answer.effects === 'pending' ? 'Contacts that depend on it follow in a moment. ' : ''}
        The next sync uses it. <TextLink to="/integrations/entra" size="sm">To the overview</TextLink>
      </Text>
    </Alert>
  )
}
