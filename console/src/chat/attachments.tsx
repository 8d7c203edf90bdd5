/** The files of the next message. */
import { Pill, Progress } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { upload } from '../parts/upload.ts';
import { useAction } from '../parts/use-action.ts';
import { useSession } from '../session.tsx';

export type Attached = { id: string; name: string; isImage: boolean };

type ListProps = {
  files: Attached[];
  progress: number | undefined;
  onRemove: (id: string) => void;
};

export function Attachments({ files, progress, onRemove }: ListProps) {
  const { t } = useTranslation();
  return (
    <>
      {progress !== undefined && (
        <Progress value={progress * 100} aria-label={t('chat.uploading')} />
      )}
      <Pill.Group>
        {files.map(({ id, name }) => (
          <Pill
            key={id}
            withRemoveButton
            removeButtonProps={{ 'aria-label': t('state.remove', { name }), tabIndex: 0 }}
            onRemove={() => onRemove(id)}
          >
            {name}
          </Pill>
        ))}
      </Pill.Group>
    </>
  );
}

/** Files are uploaded when they are chosen, one after the other. */
export function useAttachments() {
  const { key } = useSession();
  const [files, setFiles] = useState<Attached[]>([]);
  const [progress, setProgress] = useState<number>();
  const send = useAction(async (chosen: File[]) => {
    for (const [place, file] of chosen.entries()) {
      const isImage = file.type.startsWith('image/');
      const show = (part: number) => setProgress((place + part) / chosen.length);
      const purpose = isImage ? 'vision' : 'assistants';
      const { id } = await upload({ key, file, purpose }, show);
      setFiles((before) => [...before, { id, name: file.name, isImage }]);
    }
  });
  const add = (chosen: File[]) => {
    setProgress(0);
    send.mutate(chosen, { onSettled: () => setProgress(undefined) });
  };
  const remove = (id: string) => setFiles(files.filter((file) => file.id !== id));
  return { files, progress, add, remove, clear: () => setFiles([]) };
}
