/** What the demo model says when there is nothing to work out, call or search. */

const STORY = `Once there was a mill that spun thread day and night. Every spindle had a ledger beside it, and before a worker turned a wheel she wrote down what she was about to do.

One evening the lamps went out. In any other mill the thread would have snapped. Here the next worker came in, read the last line of each ledger, and turned each wheel exactly from where it had stopped. Nobody who bought the thread could find the place where the darkness had been.

There was a customer who ordered a thread so long that it took a month to spin. He fell asleep waiting, woke up, asked how far it had come, and was told the very inch. When the thread was finished it was put on the shelf under his name, and it was still there when he came for it.

And that is why the mill's sign shows no spindle and no wheel, only an open book.`;
const ABOUT =
  'I answer by simple rules, so that you can try threads, runs, streaming and tools without a model server. With code_interpreter I solve equations, draw functions, keep variables and summarise a CSV file; I search files, call your functions, fill a JSON schema, and remember what you tell me. Try "solve 3x + 11 = 14", "tell me a story" or "my name is Ann".';

const GREETS = /^\s*(?:hi|hello|hey|hallo|hola|bonjour)\b|^你好/i;
const ASKS_ABOUT_MODEL = /\b(?:are you|your name|help|can you do|bist du|hilfe)\b|你是谁|你能/i;

export function smallTalk(question: string, earlier: string[]): string {
  if (question.trim() === '') return 'Your message has no text.';
  const [, echo] = /^\s*(?:say|repeat(?: after me)?):? (.+)$/is.exec(question) ?? [];
  if (echo) return echo.replace(/^["“](.*)["”]$/s, '$1');
  if (/\b(?:story|essay|poem|long (?:text|answer))\b/i.test(question)) return STORY;
  const [, asked] = /\bmy ([a-z ]+?)(?: again)?\?/i.exec(question) ?? [];
  if (asked) return remember(asked, earlier);
  if (ASKS_ABOUT_MODEL.test(question)) return ABOUT;
  if (GREETS.test(question)) return 'Hello, and welcome to Threadmill!';
  if (/\b(?:thanks|thank you|danke)\b|谢谢/i.test(question)) return 'You are welcome.';
  const start = question.slice(0, 200).toWellFormed();
  return `You said: "${start}". Connect a model server for real answers.`;
}

/** "What is my name?" after "My name is Ann". */
function remember(asked: string, earlier: string[]): string {
  const told = new RegExp(`\\bmy ${asked} is ([^.!?,;\\n]+)`, 'i');
  const value = earlier.map((text) => told.exec(text)?.[1]).findLast(Boolean);
  if (!value) return `You have not told me your ${asked} in this thread.`;
  return `Your ${asked} is ${value}. You told me earlier in this thread.`;
}
