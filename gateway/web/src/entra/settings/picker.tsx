import { useNavigate } from '@tanstack/react-router'

import { DirectoryPicker } from '../../ui/directory'
import { Section } from './section'

// OwnSettings leads to what single directories have of their own.
export function OwnSettings() {
  const navigate = useNavigate()
  return (
    <Section title="Single directories" about="A directory may have filters and rules of its own; what it has not, it takes from here.">
      <DirectoryPicker
        label="Settings of one directory"
        maw={420}
        value=""
        onChange={(managedTenantId) => {
          if (managedTenantId !== '') void navigate({ to: '/integrations/entra/settings/$managedTenantId', params: { managedTenantId } })
        }}
      />
    </Section>
  )
}
