import { ActionIcon, Box, Button, Group, Menu, Progress, Stack, Text, Tooltip } from '@mantine/core'
import { createColumnHelper, getCoreRowModel, useReactTable } from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'

import type { PreviewRow } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { domainText } from '../../ui/domain'
import { Icon } from '../../ui/icon'
import { State } from '../../ui/states'
import { count, counted, mappingState, matchReason } from '../../ui/words'
import { decisionText } from './confirm'
import { changed, type Decision, type Decisions } from './decisions'
import { ClientPicker } from './picker'
import type { Row } from './rows'

interface Acts {
  decide: (row: Row, decision: Decision) => void
  undo: (id: string) => void
  // Opens what ends a mapping, or shows the decisions before.
  unmap: (row: Row) => void
  past: (tenant: PreviewRow) => void
}

const columnHelper = createColumnHelper<Row>()
const columns = [
  columnHelper.accessor((row) => row.tenant.displayName, { id: 'directory', header: 'Directory' }),
  columnHelper.accessor((row) => row.tenant.sourceUserCount, { id: 'people', header: 'People' }),
  columnHelper.accessor((row) => row.tenant.match?.clientName ?? '', { id: 'proposal', header: 'Client' }),
  columnHelper.accessor((row) => row.tenant.state, { id: 'decision', header: 'Decision' }),
]

// MappingTable draws only the rows that can be seen, so thousands scroll as ten do.
export function MappingTable({ rows, decisions, conflicts, mayChange, decide, undo, unmap, past }: { rows: Row[]; decisions: Decisions; conflicts: Record<string, string>; mayChange: boolean } & Acts) {
  const scroller = useRef<HTMLDivElement>(null)
  const table = useReactTable({ data: rows, columns, getCoreRowModel: getCoreRowModel(), getRowId: (row) => row.tenant.managedTenantId })
  const model = table.getRowModel().rows
  const list = useVirtualizer({
    count: model.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 78,
    overscan: 5,
    getItemKey: (index) => model[index]?.id ?? index,
  })
  const acts = useMemo(() => ({ decide, undo, unmap, past }), [decide, undo, unmap, past])
  return (
    <div className="card mapping-table" role="table" aria-label="Directories and clients" aria-rowcount={model.length + 1}>
      <div ref={scroller} style={{ maxHeight: 'min(64vh, 720px)', overflow: 'auto' }} tabIndex={0} role="rowgroup" aria-label="Directories">
        <div role="row" className="mapping mapping-head">
          {table.getFlatHeaders().map((header) => (
            <Text key={header.id} role="columnheader" size="sm" c="dimmed" fw={600} px="md" py="sm">
              {String(header.column.columnDef.header)}
            </Text>
          ))}
        </div>
        <div role="presentation" className="mapping-body" style={{ height: list.getTotalSize(), position: 'relative' }}>
          {list.getVirtualItems().map((item) => {
            const row = model[item.index]?.original
            if (!row) return null
            const id = row.tenant.managedTenantId
            return (
              <div
                key={item.key}
                ref={list.measureElement}
                data-index={item.index}
                role="row"
                className="mapping"
                aria-rowindex={item.index + 2}
                style={{ position: 'absolute', top: 0, left: 0, width: '100%', transform: `translateY(${item.start}px)`, background: decisions[id] ? 'var(--hover)' : undefined }}
              >
                <Cells row={row} decision={decisions[id]} conflict={conflicts[id]} mayChange={mayChange} acts={acts} />
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}

const Cells = memo(function Cells({ row, decision, conflict, mayChange, acts }: { row: Row; decision: Decisions[string] | undefined; conflict: string | undefined; mayChange: boolean; acts: Acts }) {
  const { tenant } = row
  return (
    <>
      <Box role="cell" px="md" py="sm" style={{ overflowWrap: 'anywhere' }}>
        <Text fw={600} dir="auto" lineClamp={2}>
          {tenant.displayName}
        </Text>
        <Text size="sm" c="dimmed">
          {domainText(tenant.primaryDomain)}
          {tenant.domains.length > 1 && (
            <MoreDomains domains={tenant.domains} />
          )}
        </Text>
        {conflict && (
          <Text size="sm" c="var(--bad)" role="alert">
            {conflict}
          </Text>
        )}
      </Box>
      <Text role="cell" px="md" className="number">
        {count(tenant.sourceUserCount)}
        <span className="mapping-unit"> people</span>
      </Text>
      <Box role="cell" px="md" py="sm">
        <Proposal tenant={tenant} />
      </Box>
      <Box role="cell" px="md" py="sm">
        <Choice row={row} decision={decision} mayChange={mayChange} acts={acts} />
      </Box>
    </>
  )
})

// MoreDomains tells the other domains when it is pointed at; hundreds of tips would be made while one scrolls.
function MoreDomains({ domains }: { domains: string[] }) {
  const [wanted, setWanted] = useState(false)
  const show = () => setWanted(true)
  const hide = () => setWanted(false)
  const anchor = useRef<HTMLSpanElement>(null)
  return (
    <>
      <span ref={anchor} tabIndex={0} onFocus={show} onBlur={hide} onPointerEnter={show} onPointerLeave={hide}>
        {' '}
        +{domains.length - 1}
      </span>
      {wanted && <Tooltip target={anchor} label={domains.map(domainText).join(', ')} opened maw={320} />}
    </>
  )
}

function Proposal({ tenant }: { tenant: PreviewRow }) {
  const best = tenant.match ?? tenant.candidates[0]
  if (!best) return <Text c="dimmed">No client fits</Text>
  // A person chose a client that the matchers do not propose: they say nothing about it.
  const unscored = best.reason === ''
  const others = tenant.candidates.length - (unscored ? 0 : 1) + tenant.candidatesLeftOut
  const percent = Math.round(best.score * 100)
  return (
    <Stack gap={2}>
      <Text dir="auto" lineClamp={1}>
        {best.clientName}
      </Text>
      <Group gap={8} wrap="nowrap">
        {!unscored && <Progress value={percent} w={48} size="sm" style={{ flexShrink: 0 }} aria-label={`Confidence ${percent} percent`} color={percent === 100 ? 'teal' : 'orange'} />}
        <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {unscored ? 'Chosen by a person' : `${percent} % · ${matchReason(best.reason)}`}
          {best.matchedDomain && best.reason !== 'fuzzy_name' && ` ${domainText(best.matchedDomain)}`}
          {best.staleDomain && ' · the domain has moved to another directory'}
          {others > 0 && ` · ${counted(others, 'other')}`}
        </Text>
      </Group>
    </Stack>
  )
}

// More is a menu that is made when it is asked for: hundreds of them would be made while one scrolls.
function More({ label, children }: { label: string; children: ReactNode }) {
  const [opened, setOpened] = useState(false)
  const target = useRef<HTMLButtonElement>(null)
  const closed = useRef(false)
  // The button is another one after the menu than within it, and gets the focus back all the same.
  useEffect(() => {
    if (!opened && closed.current) target.current?.focus({ preventScroll: true })
    closed.current = false
  }, [opened])
  const button = (
    <ActionIcon ref={target} variant="default" size={30} aria-label={label} aria-haspopup="menu" onClick={() => setOpened(true)}>
      <Icon name="down" size={14} />
    </ActionIcon>
  )
  if (!opened) return button
  const close = () => {
    closed.current = true
    setOpened(false)
  }
  return (
    <Menu position="bottom-end" withinPortal defaultOpened returnFocus={false} onClose={close}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  )
}

// Saved is the decision that is written about a directory.
function Saved({ tenant }: { tenant: PreviewRow }) {
  const client = tenant.match && tenant.match.clientId === tenant.mappedClientId ? tenant.match.clientName : ''
  return (
    <>
      {mappingState(tenant.state).text}
      {client !== '' && (
        <>
          {' '}
          to <bdi>{client}</bdi>
        </>
      )}
    </>
  )
}

function Choice({ row, decision, mayChange, acts }: { row: Row; decision: Decisions[string] | undefined; mayChange: boolean; acts: Acts }) {
  // The row as it was when the person began to choose a client: the choice hides what is saved.
  const [picking, setPicking] = useState<Row>()
  const { tenant } = row
  const id = tenant.managedTenantId
  const best = tenant.match ?? tenant.candidates[0]
  if (picking) {
    return (
      <ClientPicker
        label={`Client for ${tenant.displayName}`}
        suggested={tenant.candidates.map((candidate) => ({ id: candidate.clientId, name: candidate.clientName }))}
        onPick={(client) => {
          acts.decide(picking, { decision: 'map', clientId: client.id, clientName: client.name })
          setPicking(undefined)
        }}
        onClose={() => setPicking(undefined)}
      />
    )
  }
  if (decision) {
    return (
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <div>
          <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
            {decisionText(decision)}
          </Text>
          <Text size="sm" c="dimmed">
            not written yet
          </Text>
          {changed(row, decision) && (
            <Text size="sm" c="var(--bad)" style={{ overflowWrap: 'anywhere' }}>
              Changed meanwhile: <Saved tenant={tenant} />
            </Text>
          )}
        </div>
        <ActionIcon variant="subtle" color="gray" aria-label={`Take back the decision about ${tenant.displayName}`} onClick={() => acts.undo(id)}>
          <Icon name="undo" />
        </ActionIcon>
      </Group>
    )
  }
  const decided = tenant.state !== 'undecided'
  const change = decided ? 'Change' : best ? 'Other client' : 'Choose a client'
  return (
    <Group gap="xs" wrap="nowrap" justify="space-between">
      {decided ? (
        <State {...mappingState(tenant.state)} />
      ) : mayChange && best ? (
        <Button size="xs" variant="light" onClick={() => acts.decide(row, { decision: 'map', clientId: best.clientId, clientName: best.clientName })} aria-label={`Accept ${best.clientName} for ${tenant.displayName}`}>
          Accept
        </Button>
      ) : (
        <State {...mappingState(tenant.state)} />
      )}
      {mayChange && (
        <Group gap="xs" wrap="nowrap">
          <Button size="xs" variant="default" onClick={() => setPicking(row)} aria-label={`${change} for ${tenant.displayName}`}>
            {change}
          </Button>
          <More label={`More for ${tenant.displayName}`}>
            <>
              {tenant.candidates.slice(0, 5).map((candidate) => (
                <Menu.Item key={candidate.clientId} onClick={() => acts.decide(row, { decision: 'map', clientId: candidate.clientId, clientName: candidate.clientName })}>
                  {candidate.clientName}
                  <Text size="sm" c="dimmed">
                    {Math.round(candidate.score * 100)} % · {matchReason(candidate.reason)}
                  </Text>
                </Menu.Item>
              ))}
              {tenant.candidates.length > 0 && <Menu.Divider />}
              <Menu.Item onClick={() => acts.decide(row, { decision: 'create_new' })}>Create a new client</Menu.Item>
              <Menu.Item onClick={() => acts.decide(row, { decision: 'review' })}>Review later</Menu.Item>
              <Menu.Item onClick={() => acts.decide(row, { decision: 'skip' })}>Skip for now</Menu.Item>
              {decided && (
                <>
                  <Menu.Divider />
                  <Menu.Item onClick={() => acts.past(tenant)}>Earlier decisions</Menu.Item>
                  {tenant.state === 'mapped' && <Menu.Item onClick={() => acts.unmap(row)}>End the mapping…</Menu.Item>}
                </>
              )}
            </>
          </More>
        </Group>
      )}
    </Group>
  )
}
