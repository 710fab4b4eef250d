package openapi

// examples are values that fields hold, by their names.
var examples = map[string]string{
	"clientId": "0198c7a2-6c1e-7d3a-9a51-2f6f0f1f8a10", "managedTenantId": "0198c7a2-6c1e-7d3a-9a51-2f6f0f1f8b20",
	"entraTenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47", "entraObjectId": "3b5e5ad0-8a3f-4f0e-8d39-0d6b7a1e6b11",
	"contactId": "0198c7a2-6c1e-7d3a-9a51-2f6f0f1f8c30", "runId": "0198c7a2-6c1e-7d3a-9a51-2f6f0f1f8d40",
	"externalId": "4711", "fullName": "Ada Lovelace", "displayName": "Contoso Ltd.", "name": "Contoso Ltd.",
	"email": "ada@contoso.example", "billingEmail": "billing@contoso.example", "userPrincipalName": "ada@contoso.example",
	"domain": "contoso.example", "primaryDomain": "contoso.example", "website": "https://contoso.example",
	"phone": "+44 20 7946 0000", "role": "Head of Research", "signInName": "ada@contoso.example", "returnTo": "https://psa.example/integrations",
}
