import type { GetMappingPreviewResponse, PreviewRow } from '../../gen/entrasync/mapping/v1/mapping_pb'
import { domainText } from '../../ui/domain'

// Row is one managed tenant of the preview, with what it is found by.
export interface Row {
  tenant: PreviewRow
  // The version of the mappings at which the managed tenant is so.
  version: bigint
  group: 'exact' | 'similar' | 'none'
  haystack: string
}

export function rowsOf(preview: GetMappingPreviewResponse): Row[] {
  const row = (group: Row['group']) => (tenant: PreviewRow): Row => ({
    tenant,
    version: preview.version,
    group,
    haystack: [tenant.displayName, ...tenant.domains, ...tenant.domains.map(domainText), tenant.match?.clientName ?? '', ...tenant.candidates.map((candidate) => candidate.clientName)]
      .join('\n')
      .toLowerCase(),
  })
  return [
    ...preview.fuzzyCandidates.map(row('similar')),
    ...preview.unmatched.map(row('none')),
    ...preview.autoMatched.map(row('exact')),
  ]
}

export type Filter = 'all' | 'open' | 'exact' | 'similar' | 'none' | 'mapped' | 'skipped'

// undecided rows wait for a decision, or for another one.
function undecided(row: Row): boolean {
  return row.tenant.state === 'undecided' || row.tenant.state === 'needs_review'
}

const filters: Record<Filter, (row: Row) => boolean> = {
  all: () => true,
  open: undecided,
  exact: (row) => row.group === 'exact' && undecided(row),
  similar: (row) => row.group === 'similar' && undecided(row),
  none: (row) => row.group === 'none' && undecided(row),
  mapped: (row) => row.tenant.state === 'mapped' || row.tenant.state === 'create_new',
  skipped: (row) => row.tenant.state === 'skip_for_now',
}

export function chosen(rows: Row[], filter: Filter, text: string): Row[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return rows.filter((row) => filters[filter](row) && words.every((word) => row.haystack.includes(word)))
}

export function counts(rows: Row[]): Record<Filter, number> {
  const found = { all: 0, open: 0, exact: 0, similar: 0, none: 0, mapped: 0, skipped: 0 }
  for (const row of rows) {
    for (const filter of Object.keys(found) as Filter[]) if (filters[filter](row)) found[filter]++
  }
  return found
}
