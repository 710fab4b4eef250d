import { Outlet } from '@tanstack/react-router'

import { flags, useFlag } from '../api/flags'
import { FeatureOff } from '../ui/states'

// QueueFrame shows the review queue while its own flag is on too.
export function QueueFrame() {
  return useFlag(flags.queue) ? <Outlet /> : <FeatureOff />
}

// EntraFrame shows the Entra screens while their flag is on; one that goes off takes away what is open.
export function EntraFrame() {
  return useFlag(flags.ui) ? <Outlet /> : <FeatureOff />
}
