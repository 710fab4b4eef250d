import { Text } from '@mantine/core'
export function RunsPage() {
  return <Text>Runs</Text>
}
