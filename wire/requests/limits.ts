/** Every limit of a request. Characters are code points. A limit is the published one unless its comment says otherwise. */
export const LIMITS = {
  name: 256,
  description: 512,
  instructions: 256_000,
  /** Our decision: the published description gives a model id no bound. */
  model: 256,
  /** One text, and all texts of one message together. */
  messageText: 256_000,
  imageParts: 10,
  /** Our decision: longer than any URL that servers take. */
  imageUrl: 8_192,
  /** Our decision. */
  contentParts: 1000,
  /** Our decision. */
  attachments: 1000,
  /** Our decision: messages in one request; a thread may hold more. */
  messages: 10_000,
  /** For runs the published description says 20; the hosted service took as many as for assistants. */
  tools: 128,
  /** Our decision: of a run or an assistant together. Each event and each turn of a run reads them. */
  toolsJson: { bytes: 1_048_576, values: 50_000 },
  /**
   * Our decision: of one function's parameters, or of an answer. Hosted, a strict schema had at most 5,000 properties, and
   * 120,000 characters in names and choices.
   */
  schemaJson: { bytes: 524_288, values: 25_000 },
  functionName: 64,
  /** Our decision, also for the description of an answer's schema. */
  functionDescription: 256_000,
  metadataPairs: 16,
  metadataKey: 64,
  metadataValue: 512,
  codeInterpreterFiles: 20,
  vectorStores: 1,
  /** The older published limit; the newer, 100 000 000, cannot fit in a request. */
  vectorStoreFiles: 10_000,
  /** Files that a new vector store can be given, and those of one batch. */
  newStoreFiles: 500,
  batchFiles: 2000,
  /** Of a vector store's life after its last use. */
  storeDays: 365,
  /** Results of one search of a vector store. */
  searchResults: 50,
  /** Our decision: characters of one query, and queries of one search. */
  searchQuery: 4096,
  searchQueries: 16,
  /** Our decision: comparisons and compounds of one filter, how deep they nest, and the values of one `in`. */
  filterParts: 100,
  filterDepth: 8,
  filterValues: 1000,
  fileId: 64,
  /** Our decision, in characters: names are kept as given. */
  filename: 4096,
  /** Our decision. */
  mimeType: 256,
  /** Files in one list; also the default. */
  filesPage: 10_000,
  /** One hour and 30 days, in seconds. */
  fileExpiryMin: 3_600,
  fileExpiryMax: 2_592_000,
  /** Our decision: parts that one upload can be completed of. */
  uploadParts: 10_000,
  /** Our decision: bytes a number on the wire can count exactly. */
  maxBytes: Number.MAX_SAFE_INTEGER,
  /** Published: 256. Recorded: 16 was accepted. */
  minTokenBudget: 1,
  /** Our decision: the largest value of the column. */
  maxInteger: 2_147_483_647,
  /** Our decision: more calls than one model turn may make. */
  toolOutputs: 512,
  /** Our decision. */
  toolOutputText: 1_048_576,
  /** Lines of a batch, and bytes of its input file. */
  batchLines: 50_000,
  batchBytes: 209_715_200,
  /** Our decision: none is published, and programs use paths of files. */
  customId: 512,
  /** Our decision: lines of a batch that run at once. */
  batchRunning: 1_000,
  /** Our decision: as long as a run may live, 30 days in seconds. */
  batchWindow: 2_592_000,
  /** Our decision: schedules of a project, and the seconds in which a missed firing is made up for, a year. */
  schedules: 100,
  catchup: 31_536_000,
  /** Our decision: endpoints of a project, and characters of a URL. */
  webhookEndpoints: 20,
  webhookUrl: 2_048,
  /** Our extension `expires_after`: 30 days, in seconds. */
  expiresAfter: 2_592_000,
} as const;
