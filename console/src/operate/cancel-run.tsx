import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useAction } from '../parts/use-action.ts';
import { useClient } from '../session.tsx';

export function CancelRun({ path }: { path: string }) {
  const { t } = useTranslation();
  const client = useClient();
  const cancel = useAction(() => client.post(path));
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      color="red"
      loading={cancel.isPending}
      onClick={() => cancel.mutate()}
    >
      {t('state.cancel')}
    </Button>
  );
}
