import { BinaryReader } from '@bufbuild/protobuf/wire'
import { Code, ConnectError } from '@connectrpc/connect'

// Failure is an error in words: what happened, and what to do about it.
export interface Failure {
  // A stable name to decide by; never shown.
  reason: string
  kind: 'signed-out' | 'forbidden' | 'feature-off' | 'not-found' | 'conflict' | 'invalid' | 'unavailable' | 'other'
  message: string
  remedy: string
  // What is wrong with single fields of the request.
  violations: { field: string; message: string }[]
}

// describe reads an error of a call.
export function describe(error: unknown): Failure {
  if (!(error instanceof ConnectError)) {
    const message = error instanceof Error && error.message !== '' ? error.message : 'Something went wrong in this page.'
    return { reason: '', kind: 'other', message, remedy: 'Try again. If it happens again, load the page anew.', violations: [] }
  }
  const reason = reasonOf(error)
  const kind = kindOf(error, reason)
  const unreached = reason === '' && (error.code === Code.Unknown || error.code === Code.Unavailable)
  return {
    reason,
    kind,
    message: unreached ? 'The server cannot be reached.' : reason === '' ? 'This cannot be shown at the moment.' : error.rawMessage,
    remedy: remedies[kind],
    violations: violationsOf(error),
  }
}

const remedies: Record<Failure['kind'], string> = {
  'signed-out': 'Sign in again; what you entered here stays.',
  forbidden: 'Ask an administrator of your organisation for access.',
  'feature-off': 'It is switched on for your organisation by whoever runs this installation.',
  'not-found': 'It may have been removed meanwhile. Go back to the list and load it again.',
  conflict: 'Somebody else, or a sync, was faster. Load the page again and look at how it is now.',
  invalid: 'Correct what is marked and try again.',
  unavailable: 'Wait a moment and try again.',
  other: 'Try again. If it happens again, tell whoever runs this installation.',
}

function kindOf(error: ConnectError, reason: string): Failure['kind'] {
  if (reason === 'feature_disabled') return 'feature-off'
  switch (error.code) {
    case Code.Unauthenticated:
      return 'signed-out'
    case Code.PermissionDenied:
      return 'forbidden'
    case Code.NotFound:
      return 'not-found'
    case Code.Aborted:
    case Code.AlreadyExists:
    case Code.FailedPrecondition:
      return 'conflict'
    case Code.InvalidArgument:
    case Code.OutOfRange:
      return 'invalid'
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.ResourceExhausted:
    case Code.Unknown:
      return 'unavailable'
    default:
      return 'other'
  }
}

function reasonOf(error: ConnectError): string {
  const info = bytesOf(error, 'google.rpc.ErrorInfo')
  return info ? (stringFields(info).get(1)?.[0] ?? '') : ''
}

function violationsOf(error: ConnectError): Failure['violations'] {
  const bad = bytesOf(error, 'google.rpc.BadRequest')
  if (!bad) return []
  return messageFields(bad, 1).map((violation) => {
    const fields = stringFields(violation)
    return { field: fields.get(1)?.[0] ?? '', message: fields.get(2)?.[0] ?? '' }
  })
}

function bytesOf(error: ConnectError, type: string): Uint8Array | undefined {
  for (const detail of error.details) {
    if ('type' in detail && detail.type === type && detail.value instanceof Uint8Array) return detail.value
  }
  return undefined
}

// google.rpc's messages are read field by field: their descriptors would weigh more than this.
function messageFields(bytes: Uint8Array, number: number): Uint8Array[] {
  const reader = new BinaryReader(bytes)
  const found: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field === number && type === 2) found.push(reader.bytes())
    else reader.skip(type, field)
  }
  return found
}

function stringFields(bytes: Uint8Array): Map<number, string[]> {
  const reader = new BinaryReader(bytes)
  const found = new Map<number, string[]>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (type !== 2) {
      reader.skip(type, field)
      continue
    }
    found.set(field, [...(found.get(field) ?? []), new TextDecoder().decode(reader.bytes())])
  }
  return found
}
