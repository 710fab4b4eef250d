package pgtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound is a table as every migration should write it.
const sound = `
SET ROLE entrasync_owner; SET search_path = gateway;
CREATE TABLE probe (
	tenant_id text COLLATE "C" NOT NULL CHECK (tenant_id ~ '^[A-Za-z0-9_-]{1,64}$'),
	id int NOT NULL, PRIMARY KEY (tenant_id, id));
ALTER TABLE probe ENABLE ROW LEVEL SECURITY;
ALTER TABLE probe FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON probe USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))
	WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')));
CREATE POLICY views ON probe FOR SELECT TO entrasync_gateway_views USING (true);
GRANT SELECT, INSERT, UPDATE ON probe TO entrasync_gateway;
GRANT SELECT (tenant_id, id) ON probe TO entrasync_gateway_views;
CREATE VIEW probe_ids AS SELECT tenant_id, id FROM probe;
GRANT SELECT ON probe_ids TO entrasync_gateway_across;
ALTER VIEW probe_ids OWNER TO entrasync_gateway_views;
RESET ROLE; RESET search_path;
INSERT INTO gateway.probe VALUES ('acme', 1);`

func TestTenantTables(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, breakIt, want string }{
		{"sound", ``, ""},
		{"not forced", `ALTER TABLE gateway.probe NO FORCE ROW LEVEL SECURITY`, "not enabled and forced"},
		{"not enabled", `ALTER TABLE gateway.probe DISABLE ROW LEVEL SECURITY`, "shows rows to another tenant"},
		{"open policy", `CREATE POLICY open ON gateway.probe FOR SELECT USING (true)`, "policy open opens it"},
		{"no check", `ALTER POLICY tenant ON gateway.probe WITH CHECK (true)`, "policy tenant opens it"},
		{"no policy", `DROP POLICY tenant ON gateway.probe`, "has no policy"},
		{"owned by the runtime role", `ALTER TABLE gateway.probe OWNER TO entrasync_gateway`, "owns probe"},
		{"truncate", `GRANT TRUNCATE ON gateway.probe TO entrasync_gateway`, "may truncate probe"},
		{"public", `GRANT SELECT ON gateway.probe TO PUBLIC`, "role PUBLIC may select probe"},
		{"leaking view", `GRANT SELECT ON gateway.probe_ids TO entrasync_gateway`, "no security_invoker"},
		{"across table", `GRANT SELECT ON gateway.probe TO entrasync_gateway_across`, "may reach table probe"},
		{"empty", `DELETE FROM gateway.probe`, "holds no row"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := Database(t, "gateway")
			_, err := db.Admin.Exec(t.Context(), sound)
			require.NoError(t, err)
			_, err = db.Admin.Exec(t.Context(), c.breakIt)
			require.NoError(t, err)
			var mine []string // the gateway's own tables are checked by its tests
			for _, problem := range tenantProblems(t, db, "gateway", nil) {
				if strings.Contains(problem, "probe") {
					mine = append(mine, problem)
				}
			}
			if c.want == "" {
				require.Empty(t, mine)
				return
			}
			require.Contains(t, strings.Join(mine, "\n"), c.want)
		})
	}
}
