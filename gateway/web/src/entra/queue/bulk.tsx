import { useInfiniteQuery, useMutation } from '@connectrpc/connect-query'
import { Alert, Button, Checkbox, SegmentedControl, Stack, Table, Text, Textarea } from '@mantine/core'
import { useState } from 'react'

import { useAskAgain } from '../../api/invalidate'
import { DecisionService, type PreviewedDecision, type SuggestionCount } from '../../gen/entrasync/reconciliation/v1/decision_pb'
import type { QueueItem } from '../../gen/entrasync/reconciliation/v1/reconciliation_pb'
import { Dialog, DialogButtons } from '../../ui/dialog'
import { addressText } from '../../ui/domain'
import { Icon } from '../../ui/icon'
import { Empty, failed, Loading, Problem } from '../../ui/states'
import { count, counted, suggestionAction, suggestionReason } from '../../ui/words'
import { whoIs } from './resolve'
import { answerOf } from './suggested'

const actions = ['resolve_existing', 'resolve_new', 'dismiss']
// The most that one call carries out.
const most = 100

// Bulk carries out the same suggestion of many people. What each comes to stands there before.
export function Bulk({ counts, reason, q, close }: { counts: SuggestionCount[]; reason: string; q: string; close: () => void }) {
  const askAgain = useAskAgain()
  const [action, setAction] = useState(actions.find((each) => counts.some((n) => n.suggestion === each && n.open > 0)) ?? 'resolve_existing')
  const [without, setWithout] = useState<string[]>([])
  const [why, setWhy] = useState('')
  const preview = useInfiniteQuery(DecisionService.method.previewDecisions, { action, reason, q, pageSize: most, pageToken: '' }, { pageParamKey: 'pageToken', getNextPageParam: (page) => page.nextPageToken || undefined })
  const decide = useMutation(DecisionService.method.decideItems, { onSuccess: () => askAgain() })
  const list = preview.data?.pages[0]?.items ?? []
  const chosen = list.filter((each) => each.item && !each.code && !without.includes(each.item.itemId))
  const refused = decide.data?.results.filter((result) => result.outcome !== 'done') ?? []
  const send = () => decide.mutate({ action, reason: action === 'dismiss' ? why.trim() : '', items: chosen.map((each) => ({ itemId: each.item?.itemId ?? '', digest: each.digest })) })
  return (
    <Dialog onClose={close} title="Carry out suggestions" size="xl">
      <Stack>
        <SegmentedControl
          aria-label="Which suggestion"
          value={action}
          style={{ flexWrap: 'wrap' }}
          onChange={(value) => {
            setAction(value)
            setWithout([])
            decide.reset()
          }}
          data={actions.map((value) => ({ value, label: `${suggestionAction(value)} (${count(counts.find((n) => n.suggestion === value)?.open ?? 0)})` }))}
        />
        {decide.data && (
          <Alert role="status" color={refused.length === 0 ? 'teal' : 'orange'} icon={<Icon name={refused.length === 0 ? 'check' : 'warning'} />}>
            {counted(decide.data.done, 'person is', 'people are')} decided{refused.length > 0 && `, ${count(refused.length)} not: ${[...new Set(refused.map((result) => result.message ?? ''))].join(' ')}`}. Each can be taken back for a day, where nothing is built on it.
          </Alert>
        )}
        {preview.isPending ? (
          <Loading />
        ) : failed(preview) ? (
          <Problem error={preview.error} again={() => void preview.refetch()} />
        ) : list.length === 0 ? (
          <Empty icon="check" title="No suggestion of this kind">
            Where no answer is clearly best, nothing is suggested.
          </Empty>
        ) : (
          <>
            <Text>
              {count(chosen.length)} of {counted(list.length, 'person', 'people')} chosen. Take out whom you want to look at yourself.
            </Text>
            <div style={{ maxHeight: 340, overflow: 'auto' }} tabIndex={0} role="region" aria-label="What is carried out">
              <Table aria-label="What is carried out">
                <Table.Tbody>
                  {list.map((each) => {
                    const item = each.item
                    if (!item) return null
                    const out = without.includes(item.itemId)
                    return <Decision key={item.itemId} item={item} of={each} out={out} onChange={() => setWithout(out ? without.filter((id) => id !== item.itemId) : [...without, item.itemId])} />
                  })}
                </Table.Tbody>
              </Table>
            </div>
            {action === 'dismiss' && <Textarea label="Why" required value={why} onChange={(event) => setWhy(event.currentTarget.value)} maxLength={1000} />}
          </>
        )}
        {decide.isError && <Problem error={decide.error} title="Nothing was written" />}
        <DialogButtons close={close} back="Close">
          <Button loading={decide.isPending} disabled={chosen.length === 0 || (action === 'dismiss' && why.trim() === '')} onClick={send}>
            Carry out {count(chosen.length)}
          </Button>
        </DialogButtons>
      </Stack>
    </Dialog>
  )
}

// Decision is one person, and what is carried out about them unless they are taken out.
function Decision({ item, of, out, onChange }: { item: QueueItem; of: PreviewedDecision; out: boolean; onChange: () => void }) {
  return (
    <Table.Tr>
      <Table.Td w={40}>
        <Checkbox aria-label={`Carry it out: ${whoIs(item)}`} checked={!out && !of.code} disabled={of.code !== undefined} onChange={onChange} />
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        <Text size="sm" fw={600} dir="auto">
          {whoIs(item)}
        </Text>
        <Text size="sm" c="dimmed">
          {addressText(item.email)}
        </Text>
      </Table.Td>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        <Text size="sm" dir="auto">
          {answerOf(item)}
        </Text>
        <Text size="sm" c="dimmed">
          {of.message ?? item.suggestion?.reasons.map(suggestionReason).join(' ')}
        </Text>
      </Table.Td>
    </Table.Tr>
  )
}
