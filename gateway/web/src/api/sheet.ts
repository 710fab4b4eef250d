import { createClient } from '@connectrpc/connect'

import { ReportService } from '../gen/entrasync/syncengine/v1/report_pb'
import { RunService } from '../gen/entrasync/syncengine/v1/run_pb'
import { transport } from './client'

const reports = createClient(ReportService, transport)
const runs = createClient(RunService, transport)

// A spreadsheet opens about a million lines; more than these pages of 5,000 are left out.
const mostPages = 200

// SheetText is CSV, and whether lines are left out of it.
export interface SheetText {
  csv: string
  cutOff: boolean
}

// peopleSheet is what a run did with people, as CSV; empty fields of what are no condition.
export function peopleSheet(what: { runId: string; managedTenantId: string; outcome: string; q: string }): Promise<SheetText> {
  return whole((pageToken) => reports.listRunIdentities({ ...what, pageToken, asCsv: true }))
}

// directoriesSheet is the results of a run's directories, as CSV.
export function directoriesSheet(runId: string): Promise<SheetText> {
  return whole((pageToken) => reports.listTenantResults({ runId, pageToken, asCsv: true }))
}

// runsSheet is the history, as CSV.
export function runsSheet(what: { type?: string; state?: string; clientId?: string }): Promise<SheetText> {
  return whole((pageToken) => runs.listRuns({ ...what, pageToken, asCsv: true }))
}

// whole puts the pages of CSV together, with its head once.
async function whole(ask: (pageToken: string) => Promise<{ csv?: string; nextPageToken: string }>): Promise<SheetText> {
  const parts: string[] = []
  let pageToken = ''
  do {
    const page = await ask(pageToken)
    const text = page.csv ?? ''
    parts.push(parts.length === 0 ? text : text.slice(text.indexOf('\n') + 1))
    pageToken = page.nextPageToken
  } while (pageToken !== '' && parts.length < mostPages)
  return { csv: parts.join(''), cutOff: pageToken !== '' }
}
