import { useMutation } from '@connectrpc/connect-query'
import { Button, FileButton, Modal, Stack, Table, Text } from '@mantine/core'
import { useState } from 'react'

import { useAskAgain } from '../../api/invalidate'
import { useTenants } from '../../api/names'
import { MappingService, type ImportedRow, type ImportMappingsResponse } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { DialogButtons } from '../../ui/dialog'
import { download } from '../../ui/download'
import { Icon } from '../../ui/icon'
import { Loading, Problem, State } from '../../ui/states'
import { count, counted, type Tone } from '../../ui/words'

// Sheet takes the mapping to a spreadsheet and back. What a file would change is shown before it does;
// wrote is told the versions before and after a file.
export function Sheet({ mayChange, wrote }: { mayChange: boolean; wrote: (from: bigint, to: bigint) => void }) {
  const [csv, setCSV] = useState('')
  const askAgain = useAskAgain()
  const out = useMutation(MappingService.method.exportMappings, { onSuccess: (answer) => download('mappings.csv', answer.csv) })
  const dry = useMutation(MappingService.method.importMappings)
  const real = useMutation(MappingService.method.importMappings, {
    onSuccess: (answer, sent) => {
      if (sent.version !== undefined) wrote(sent.version, answer.version)
      return askAgain()
    },
  })
  const close = () => {
    setCSV('')
    dry.reset()
    real.reset()
  }
  return (
    <>
      <Button variant="default" leftSection={<Icon name="download" size={16} />} onClick={() => out.mutate({})} loading={out.isPending}>
        Export
      </Button>
      {mayChange && (
        <FileButton
          accept=".csv,text/csv"
          onChange={(file) => {
            if (!file) return
            void file.text().then((text) => {
              setCSV(text)
              dry.mutate({ csv: text, dryRun: true })
            })
          }}
        >
          {(props) => (
            <Button variant="default" leftSection={<Icon name="upload" size={16} />} {...props}>
              Import
            </Button>
          )}
        </FileButton>
      )}
      {out.isError && <Problem error={out.error} />}
      <Modal opened={csv !== ''} onClose={close} title="What the file would change" size="xl">
        <Stack>
          {dry.isPending && <Loading label="Comparing the file with the mapping" />}
          {dry.isError && <Problem error={dry.error} title="The file cannot be used" />}
          {real.isError && <Problem error={real.error} title="Nothing was written" />}
          {real.data ? (
            <Text role="status">{counted(real.data.changed, 'decision is', 'decisions are')} written.</Text>
          ) : (
            dry.data && (
              <>
                <Text>{summary(dry.data)}</Text>
                <Lines rows={dry.data.rows.filter((row) => row.outcome !== 'unchanged')} />
                {refused(dry.data) && (
                  <Text size="sm" c="dimmed">
                    A file is taken whole or not at all.
                    {dry.data.invalid > 0 && ' Correct the lines with mistakes and import it again.'}
                    {dry.data.conflicts > 0 && ' Where there is a conflict, export again and make your changes in the new file.'}
                  </Text>
                )}
                <DialogButtons close={close} back={writes(dry.data) || refused(dry.data) ? 'Back' : 'Close'}>
                  {writes(dry.data) && (
                    <Button loading={real.isPending} onClick={() => real.mutate({ csv, dryRun: false, version: dry.data.version })}>
                      Write {counted(dry.data.changed, 'change')}
                    </Button>
                  )}
                </DialogButtons>
              </>
            )
          )}
        </Stack>
      </Modal>
    </>
  )
}

// refused says that a file is not taken: nothing of it is written then.
function refused(file: ImportMappingsResponse): boolean {
  return file.invalid + file.conflicts > 0
}

function writes(file: ImportMappingsResponse): boolean {
  return file.changed > 0 && !refused(file)
}

// summary says how many lines of a file do what.
function summary(file: ImportMappingsResponse): string {
  const parts = [
    file.changed > 0 && counted(file.changed, 'change'),
    file.unchanged > 0 && `${count(file.unchanged)} unchanged`,
    file.undecided > 0 && `${count(file.undecided)} without a decision`,
    file.conflicts > 0 && counted(file.conflicts, 'conflict'),
    file.invalid > 0 && `${counted(file.invalid, 'line')} with mistakes`,
  ].filter(Boolean)
  if (file.changed > 0 || refused(file)) return `${parts.join(', ')}.`
  return parts.length === 0 ? 'The file changes nothing: it has no lines.' : `The file changes nothing: ${parts.join(', ')}.`
}

const outcomes: Record<string, { text: string; tone: Tone }> = {
  changed: { text: 'Changes', tone: 'busy' },
  conflict: { text: 'Conflict', tone: 'warn' },
  invalid: { text: 'Mistake', tone: 'bad' },
}

const decisionWords: Record<string, string> = { map: 'Map', skip: 'Skip', review: 'Review later', create_new: 'New client' }

function Lines({ rows }: { rows: ImportedRow[] }) {
  const tenants = useTenants()
  if (rows.length === 0) return null
  return (
    <div style={{ maxHeight: 360, overflow: 'auto' }} tabIndex={0} role="region" aria-label="Lines of the file">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Line</Table.Th>
            <Table.Th>Directory</Table.Th>
            <Table.Th>Decision</Table.Th>
            <Table.Th>Outcome</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.slice(0, 500).map((row) => (
            <Table.Tr key={row.line}>
              <Table.Td className="number">{row.line}</Table.Td>
              <Table.Td dir="auto">{tenants.data?.get(row.managedTenantId)?.displayName ?? 'Unknown'}</Table.Td>
              <Table.Td>{decisionWords[row.decision] ?? row.decision}</Table.Td>
              <Table.Td>
                <State {...(outcomes[row.outcome] ?? { text: row.outcome, tone: 'quiet' })} />
                {row.outcome === 'conflict' ? (
                  <Text size="sm">Somebody decided about this one after the file was made.</Text>
                ) : (
                  row.violations.map((violation, i) => (
                    <Text size="sm" key={i}>
                      {violation.message}
                    </Text>
                  ))
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}
