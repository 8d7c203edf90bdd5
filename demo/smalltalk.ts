/** What the demo model says when there is nothing to calculate and no function to call. */
import { askedFact, toldFacts, type Conversation } from './conversation.ts';

/** Said once in every final answer. */
export const NOTICE = "I am Threadmill's built-in demo model, not an LLM.";

/** A short answer by rules. Never empty. */
export function smalltalk(conversation: Conversation, offersTools: boolean): string {
  const { question } = conversation;
  const rule = RULES.find(([pattern]) => pattern.test(question));
  return (
    echoed(question) ??
    remembered(conversation) ??
    noted(conversation) ??
    counted(question) ??
    rule?.[1] ??
    reflected(conversation, offersTools)
  );
}

function echoed(question: string): string | undefined {
  const match =
    /^\s*(?:please )?(?:repeat after me|(?:just |only )?(?:say|repeat)|(?:reply|respond|answer) (?:only )?with(?: exactly| only| just)?)\s*:?\s*(.+)$/is.exec(
      question,
    );
  return match?.[1]?.trim().replace(/^(["'“`])([\s\S]*)["'”`][.!]?$/, '$2');
}

/** "What is my name?" after "My name is Ann". */
function remembered({ question, earlier }: Conversation): string | undefined {
  const asked = askedFact(question);
  if (asked === undefined) return undefined;
  const value = toldFacts(earlier).get(asked);
  if (value === undefined) return `You have not told me your ${asked} in this thread.`;
  return `Your ${asked} is ${value}. You told me earlier in this thread.`;
}

function noted({ question }: Conversation): string | undefined {
  const [fact] = toldFacts([question]);
  if (!fact || question.includes('?')) return undefined;
  if (fact[0] === 'name') return `Nice to meet you, ${fact[1]}! Ask me later what your name is.`;
  return `I have noted that your ${fact[0]} is ${fact[1]}. Ask me about it later in this thread.`;
}

function counted(question: string): string | undefined {
  const last = Number(/\bcount (?:from \d+ )?(?:up )?to (\d{1,3})\b/i.exec(question)?.[1] ?? NaN);
  if (!(last >= 1)) return undefined;
  return `${Array.from({ length: last }, (_, i) => i + 1).join(', ')}.`;
}

const STORY = `Once there was a mill that spun thread day and night. Every spindle had a ledger beside it, and before a worker turned a wheel she wrote down what she was about to do.

One evening the lamps went out. In any other mill the thread would have snapped and the work would have been lost. Here the next worker came in, read the last line of each ledger, and turned each wheel exactly from where it had stopped. Nobody who bought the thread could find the place where the darkness had been.

The miller liked to let visitors try it. "Stop any wheel you like," he would say. They pulled a belt, they opened a gate, one of them even sent all the workers home. The wheels stood still for a moment, the ledgers lay open, and then somebody came back, read, and went on.

There was a customer who ordered a thread so long that it took a month to spin. He fell asleep waiting, woke up, asked how far it had come, and was told the very inch. He fell asleep again. When the thread was finished it was put on the shelf under his name, and it was still there when he came for it.

And that is why the mill's sign shows no spindle and no wheel, only an open book.`;

const RULES: [RegExp, string][] = [
  [/\b(?:story|essay|long (?:text|answer)|tale)\b/i, STORY],
  [/\bjoke\b/i, 'Why did the workflow go to therapy? It could not stop replaying the past.'],
  [
    /\b(?:haiku|poem)\b/i,
    'A worker stops dead;\nthe thread lies where it was dropped.\nAnother one spins.',
  ],
  [
    /\b(?:who|what) are you\b|\byour name\b|\bwhat (?:model|llm) (?:are|is)\b|\bare you (?:an? )?(?:llm|ai|chatgpt|gpt)/i,
    'I answer by simple rules so that you can try threads, runs, streaming and tools without any model server.',
  ],
  [
    /\bhelp\b|\bwhat can you do\b/i,
    'I can solve equations, draw functions, keep variables and summarise a CSV file with code_interpreter, call your functions with arguments that fit their schema, fill a JSON schema, and remember what you tell me in a thread. Try "solve 3x + 11 = 14", "tell me a story" or "my name is Ann".',
  ],
  [/\b(?:thanks|thank you)\b/i, 'You are welcome.'],
  [/\b(?:bye|goodbye|see you)\b/i, 'Goodbye! This thread will still be here when you come back.'],
];

function reflected(conversation: Conversation, offersTools: boolean): string {
  const { question, messageCount, imageCount } = conversation;
  const seen = `I can see ${messageCount} ${messageCount === 1 ? 'message' : 'messages'} in this thread.`;
  const images =
    imageCount > 0 ? ` I cannot look at images; ${imageCount} came with your message.` : '';
  if (/^\s*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b[^?]{0,40}$/i.test(question)) {
    return `Hello, and welcome to Threadmill! ${seen}${images}`;
  }
  if (question.trim() === '') return `There is no question in the last message. ${seen}${images}`;
  const quoted =
    question.length > 200 ? `${Array.from(question).slice(0, 200).join('')}…` : question;
  const tools = offersTools ? ' None of the tools on offer seemed to fit it.' : '';
  return `You said: "${quoted.trim()}". ${seen}${images}${tools} Connect a model server for real answers.`;
}
