/** What npm run admin can do. Arguments follow from the operation's description. */
export type Command = {
  /** As the server's description names it. */
  operation: string;
  /** `<name>=<value>` goes into this field. */
  pairs?: string;
  /** The rows are in this field of the answer, in place of `data`. */
  rows?: string;
  columns?: string;
};

const LIMITS = { pairs: 'limits', columns: 'id name limits' };

export const COMMANDS: Readonly<Record<string, Command>> = {
  'status show': { operation: 'getStatus' },
  'runs list': {
    operation: 'listProjectRuns',
    columns: 'id status model thread_id assistant_id created_at',
  },
  'runs stuck': {
    operation: 'getStatus',
    rows: 'stuck_runs',
    columns: 'id project_id status last_change_at thread_id',
  },
  'runs cancel': { operation: 'cancelAnyRun', columns: 'id status thread_id' },
  'runs explain': { operation: 'explainRun' },
  'usage show': { operation: 'getUsage' },
  'projects list': { operation: 'listProjects', columns: 'id name status created_at limits' },
  'projects create': { operation: 'createProject', columns: 'id name' },
  'projects limits': { operation: 'modifyProject', ...LIMITS },
  'projects delete': { operation: 'deleteProject' },
  'keys list': {
    operation: 'listProjectKeys',
    columns: 'id name redacted_value scopes created_at last_used_at expires_at revoked_at',
  },
  'keys create': { operation: 'createProjectKey', columns: 'value' },
  'keys limits': { operation: 'modifyKey', ...LIMITS },
  'keys rotate': { operation: 'rotateKey', columns: 'value' },
  'keys revoke': { operation: 'revokeKey', columns: 'id deleted' },
  'audit list': {
    operation: 'listAuditLogs',
    columns: 'effective_at type resource_id project actor',
  },
  'purge show': { operation: 'getRetention' },
};
