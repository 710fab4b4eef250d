import { createQueryOptions } from '@connectrpc/connect-query'

import { queryClient, transport } from '../api/client'
import { flags } from '../api/flags'
import { sessionQuery } from '../api/session'
import { StatusService } from '../gen/entrasync/gateway/v1/gateway_pb'

// askEarly asks for what the first screens show as soon as it is known who asks, while they are made.
export function askEarly() {
  if (!location.pathname.startsWith('/integrations')) return
  const ask = async () => {
    const session = await queryClient.fetchQuery(sessionQuery)
    if (session.userType !== 'client' && session.flags[flags.ui]) await queryClient.prefetchQuery(createQueryOptions(StatusService.method.getStatus, {}, { transport }))
  }
  // What fails here fails again where it is shown.
  ask().catch(() => undefined)
}
