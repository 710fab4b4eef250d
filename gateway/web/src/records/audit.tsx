import { Text } from '@mantine/core'
export function AuditPage() {
  return <Text>Audit</Text>
}
