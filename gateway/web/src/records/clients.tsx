import { Text } from '@mantine/core'
export function ClientsPage() {
  return <Text>Clients</Text>
}
