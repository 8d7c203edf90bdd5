import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';

import { Shell } from './shell.tsx';
import { Waiting } from './parts/states.tsx';

const page = <Name extends string>(
  load: () => Promise<Record<Name, React.ComponentType>>,
  name: Name,
) => lazy(async () => ({ default: (await load())[name] }));

const Chat = page(() => import('./chat/chat-page.tsx'), 'ChatPage');
const Assistants = page(() => import('./assistants/assistants-page.tsx'), 'AssistantsPage');
const Assistant = page(() => import('./assistants/assistant-page.tsx'), 'AssistantPage');
const Threads = page(() => import('./look/threads-page.tsx'), 'ThreadsPage');
const Runs = page(() => import('./look/runs-page.tsx'), 'RunsPage');
const Run = page(() => import('./look/run-page.tsx'), 'RunPage');
const Files = page(() => import('./look/files-page.tsx'), 'FilesPage');
const Stores = page(() => import('./look/stores-page.tsx'), 'StoresPage');
const Store = page(() => import('./look/store-page.tsx'), 'StorePage');
const Batches = page(() => import('./operate/batches-page.tsx'), 'BatchesPage');
const Batch = page(() => import('./operate/batch-page.tsx'), 'BatchPage');
const Webhooks = page(() => import('./operate/webhooks-page.tsx'), 'WebhooksPage');
const Usage = page(() => import('./operate/usage-page.tsx'), 'UsagePage');
const StatusNow = page(() => import('./operate/status-page.tsx'), 'StatusPage');
const Projects = page(() => import('./operate/projects-page.tsx'), 'ProjectsPage');

export function App() {
  return (
    <Shell>
      <Suspense fallback={<Waiting />}>
        <Routes>
          <Route path="/" element={<Navigate to="/chat" replace />} />
          <Route path="/chat/:threadId?" element={<Chat />} />
          <Route path="/assistants" element={<Assistants />} />
          <Route path="/assistants/:assistantId" element={<Assistant />} />
          <Route path="/threads" element={<Threads />} />
          <Route path="/runs" element={<Runs />} />
          <Route path="/threads/:threadId/runs/:runId" element={<Run />} />
          <Route path="/files" element={<Files />} />
          <Route path="/vector-stores" element={<Stores />} />
          <Route path="/vector-stores/:storeId" element={<Store />} />
          <Route path="/batches" element={<Batches />} />
          <Route path="/batches/:batchId" element={<Batch />} />
          <Route path="/webhooks" element={<Webhooks />} />
          <Route path="/status" element={<StatusNow />} />
          <Route path="/usage" element={<Usage />} />
          <Route path="/projects" element={<Projects />} />
          <Route path="*" element={<Navigate to="/" replace />} />
        </Routes>
      </Suspense>
    </Shell>
  );
}
