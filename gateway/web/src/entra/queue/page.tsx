import { useInfiniteQuery, useQuery } from '@connectrpc/connect-query'
import { Alert, Box, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'

import { useMayChange } from '../../api/flags'
import { DecisionService } from '../../gen/entrasync/reconciliation/v1/decision_pb'
import { ReconciliationService, type QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { addressText } from '../../ui/domain'
import { Icon } from '../../ui/icon'
import { Empty, Loading, Page, Problem, failed, forbidden } from '../../ui/states'
import { count, counted, isolated, queueReason, queueStatus, suggestionAction } from '../../ui/words'
import { Bulk } from './bulk'
import type { Asking } from './decide'
import { Detail } from './detail'
import { Keys } from './keys'
import { useResolve, whoIs, type Done } from './resolve'
import { takeSuggestion } from './suggested'
import { Undo } from './undo'

const reasons = ['multiple_email_matches', 'contact_already_linked', 'duplicate_identity_email', 'email_in_use_elsewhere', 'alias_match', 'contact_deleted']
const suggestions = ['resolve_existing', 'resolve_new', 'dismiss', 'none']
const statuses = ['open', 'resolved', 'dismissed', 'superseded']

// QueuePage shows what only a person can decide: the people on one side, and of the one who is chosen
// the account beside the contacts that it may belong to.
export function QueuePage() {
  const [reason, setReason] = useState('')
  const [status, setStatus] = useState('open')
  const search = useSearch({ from: '/integrations/entra/queue/queue' })
  const [chosen, setChosen] = useState(search.item ?? '')
  const [told, setTold] = useState<Done>({ text: '' })
  const [suggestion, setSuggestion] = useState('')
  const [find, setFind] = useState('')
  const [q] = useDebouncedValue(find, 250)
  const [bulk, setBulk] = useState(false)
  const [asking, ask] = useState<Asking>('')
  const [keys, showKeys] = useState(false)
  const listBox = useRef<HTMLDivElement>(null)
  const mayChange = useMayChange()
  const items = useInfiniteQuery(ReconciliationService.method.listQueueItems, { reason, status, suggestion, q, pageSize: 50, pageToken: '' }, {
    pageParamKey: 'pageToken',
    getNextPageParam: (page) => page.nextPageToken || undefined,
  })
  const loaded = items.data?.pages.flatMap((page) => page.items) ?? []
  // An item that the address names may stand on a page that is not loaded.
  const named = useQuery(DecisionService.method.getQueueItem, { itemId: search.item ?? '' }, { enabled: search.item !== undefined })
  const extra = named.data?.item
  const list = extra && extra.status === status && !loaded.some((item) => item.itemId === extra.itemId) ? [extra, ...loaded] : loaded
  const counts = useQuery(DecisionService.method.countQueueItems, { q })
  const waiting = (code: string) => (counts.data?.counts ?? []).filter((each) => each.reason === code).reduce((sum, each) => sum + each.open, 0)
  const suggested = (counts.data?.suggestions ?? []).filter((each) => each.suggestion !== 'none').reduce((sum, each) => sum + each.open, 0)
  const total = items.data?.pages[0]?.totalSize
  const at = Math.max(0, list.findIndex((item) => item.itemId === chosen))
  const item = list[at]
  const itemId = item?.itemId
  // Who is chosen by the address, after a decision or by taking one back stands in view in the list, too;
  // the page itself does not move.
  useEffect(() => {
    const entry = document.getElementById(`item-${itemId}`)
    if (!listBox.current || !entry) return
    const box = listBox.current.getBoundingClientRect()
    const { top, bottom } = entry.getBoundingClientRect()
    if (top < box.top) listBox.current.scrollTop -= box.top - top
    else if (bottom > box.bottom) listBox.current.scrollTop += bottom - box.bottom
  }, [itemId, at])
  const choose = (next: QueueItem | undefined) => {
    if (!next) return
    setChosen(next.itemId)
    ask('')
    document.getElementById(`item-${next.itemId}`)?.scrollIntoView({ block: 'nearest' })
  }
  const undone = (back: QueueItem) => {
    setTold({ text: `${isolated(whoIs(back))} is open again.` })
    setStatus('open')
    setChosen(back.itemId)
  }
  const resolve = useResolve(item, (done) => {
    setTold(done)
    ask('')
    setChosen(list[at + 1]?.itemId ?? list[at - 1]?.itemId ?? '')
    listBox.current?.focus({ preventScroll: true })
  })
  // The keys are those of the list: they do nothing while something else has the focus.
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (!act(event.key)) return
    event.preventDefault()
  }
  const act = (key: string): boolean => {
    if (key === 'ArrowDown' || key === 'j') choose(list[at + 1])
    else if (key === 'ArrowUp' || key === 'k') choose(list[at - 1])
    else if (key === 'Home') choose(list[0])
    else if (key === 'End') choose(list[list.length - 1])
    else if (key === '?') showKeys(true)
    else if (!mayChange || !item || item.status !== 'open' || item.decisionPending) return false
    else if (key === 'n') resolve.create()
    else if (key === 's') return takeSuggestion(item, resolve, ask)
    else if (key === 'o') ask('other')
    else if (key === 'd') ask('dismiss')
    else {
      const candidate = /^[1-9]$/.test(key) ? item.candidates[Number(key) - 1] : undefined
      if (!candidate || candidate.linkedTo) return false
      resolve.link(candidate.contactId, candidate.fullName || candidate.email || 'the contact')
    }
    return true
  }
  return (
    <Page
      title="Review queue"
      about="People about whom the sync could not decide. Nothing is written for them until you do."
      actions={
        mayChange &&
        suggested > 0 && (
          <Button variant="light" leftSection={<Icon name="check" size={16} />} onClick={() => setBulk(true)}>
            Carry out {counted(suggested, 'suggestion')}…
          </Button>
        )
      }
    >
      {!forbidden(items) && (
        <Group align="flex-end" className="filters">
          <TextInput label="Find" placeholder="Name or address" leftSection={<Icon name="search" size={16} />} value={find} onChange={(event) => setFind(event.currentTarget.value)} w={{ base: '100%', sm: 220 }} />
          <Select label="State" w={150} allowDeselect={false} data={statuses.map((value) => ({ value, label: queueStatus(value).text }))} value={status} onChange={(value) => setStatus(value ?? 'open')} />
          <Select label="Why" placeholder="Every reason" clearable w={290} maw="100%" data={reasons.map((value) => ({ value, label: status === 'open' && counts.data ? `${queueReason(value).title} (${count(waiting(value))})` : queueReason(value).title }))} value={reason || null} onChange={(value) => setReason(value ?? '')} />
          <Select label="Suggestion" placeholder="Any" clearable w={190} data={suggestions.map((value) => ({ value, label: suggestionAction(value) }))} value={suggestion || null} onChange={(value) => setSuggestion(value ?? '')} />
          {total !== undefined && total > 0 && (
            <Text c="dimmed" pb={8}>
              {counted(total, 'person', 'people')}
            </Text>
          )}
        </Group>
      )}
      {told.text !== '' && (
        <Alert role="status" color="teal" icon={<Icon name="check" />} withCloseButton closeButtonLabel="Close" onClose={() => setTold({ text: '' })}>
          <Group gap="md">
            <span>{told.text}</span>
            {told.item && <Undo item={told.item} undone={undone} />}
          </Group>
        </Alert>
      )}
      {items.isPending ? (
        <Loading lines={8} />
      ) : failed(items) ? (
        <Problem error={items.error} again={() => void items.refetch()} />
      ) : !item ? (
        <div className="card">
          <Empty icon="check" title={status !== 'open' || reason !== '' || suggestion !== '' || q !== '' ? 'Nobody' : 'Nobody waits for you'}>
            {status !== 'open' || reason !== '' || suggestion !== '' || q !== '' ? 'Choose another state or reason.' : 'What a sync cannot decide by itself appears here.'}
          </Empty>
        </div>
      ) : (
        <div className="queue">
          <Stack gap="sm" style={{ minWidth: 0 }}>
            <Stack
              ref={listBox}
              className="card"
              gap={0}
              style={{ maxHeight: '72vh', overflow: 'auto' }}
              role="listbox"
              aria-label="People to decide about"
              aria-activedescendant={`item-${item.itemId}`}
              tabIndex={0}
              onKeyDown={pressed}
            >
              {list.map((each, i) => (
                <Entry key={each.itemId} item={each} selected={i === at} choose={() => choose(each)} />
              ))}
            </Stack>
            <Group justify="space-between">
              <Button className="shortcuts" variant="subtle" size="xs" px={0} onClick={() => showKeys(true)}>
                Keyboard shortcuts
              </Button>
              {items.hasNextPage && (
                <Button variant="default" onClick={() => void items.fetchNextPage()} loading={items.isFetchingNextPage}>
                  Show more
                </Button>
              )}
            </Group>
          </Stack>
          <Detail item={item} key={item.itemId} resolve={resolve} asking={asking} ask={ask} undone={undone} />
        </div>
      )}
      {bulk && <Bulk counts={counts.data?.suggestions ?? []} reason={reason} q={q} close={() => setBulk(false)} />}
      {keys && <Keys close={() => showKeys(false)} />}
    </Page>
  )
}

function Entry({ item, selected, choose }: { item: QueueItem; selected: boolean; choose: () => void }) {
  return (
    <Box id={`item-${item.itemId}`} role="option" aria-selected={selected} onClick={choose} className="clickable entry" px="md" py="sm">
      <Text fw={600} dir="auto" truncate>
        {item.displayName || 'No name'}
      </Text>
      <Text size="sm" c="dimmed" truncate>
        {addressText(item.email || item.userPrincipalName)}
      </Text>
      <Text size="sm">{queueReason(item.reason).title}</Text>
    </Box>
  )
}
