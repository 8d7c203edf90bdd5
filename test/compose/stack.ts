/** docker-compose.yml brought up from a copy of the checkout, so that neither its secrets nor its containers meet those of a user. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import OpenAI from 'openai';

import { readCompose, ROOT } from '../deploy/compose-file.ts';
import type { Engine } from './engine.ts';
import { containersOf, findEngine, LABEL, ready } from './engine.ts';

const SCALE: Record<string, string[]> = {
  api: ['--scale', 'api=2'],
  worker: ['--scale', 'worker=2'],
};
/** What podman 4.3 does not know of the Dockerfile and of the compose file: the pause between checks at the start. */
const NEWER = [
  ['Dockerfile', / --start-interval=\w+/g],
  ['docker-compose.yml', /^ *start_interval: .*\n/gm],
] as const;

export class Stack implements AsyncDisposable {
  readonly engine: Engine;
  readonly #folder: string;
  apiKey = '';

  private constructor(engine: Engine, folder: string) {
    this.engine = engine;
    this.#folder = folder;
  }

  static async start(): Promise<Stack> {
    const folder = mkdtempSync(join(tmpdir(), 'threadmill-compose-'));
    copyCheckout(folder);
    execFileSync('sh', ['deploy/make-secrets.sh'], { cwd: folder });
    writeFileSync(join(folder, '.env'), 'MODEL_BASE_URL=http://model:9000/v1\n');
    const stack = new Stack(await findEngine(folder), folder);
    try {
      await stack.#buildImages();
      await stack.up();
      const command = ['node', 'bin/keys.ts', 'create', '--project', 'test'];
      const [api] = await stack.containers('api');
      // podman starts its name server anew with each container: a question that is lost then takes 10 s.
      const create = () => stack.engine.engine('exec', api!, ...command);
      stack.apiKey = (await create().catch(create)).trim();
      return stack;
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #buildImages(): Promise<void> {
    if (this.engine.name === 'docker') return void (await this.engine.compose('build'));
    for (const [file, pattern] of NEWER) {
      const path = join(this.#folder, file);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll(pattern, ''));
    }
    const images = Object.values(readCompose()).flatMap(({ image, build }) =>
      build === undefined ? [] : [[image, build.target] as const],
    );
    for (const [image, target] of new Map(images)) {
      // COMPOSE_TEST_IMAGES=kept: those of the run before.
      if (process.env.COMPOSE_TEST_IMAGES === 'kept') break;
      const tag = ['--tag', `docker.io/library/${image}`, '--target', target];
      await this.engine.engine('build', '--format', 'docker', '--network', 'host', ...tag, '.');
    }
  }

  /** Starts what does not run, as `docker compose up --detach` does. Resolves when all of it is healthy. */
  async up(): Promise<void> {
    if (this.engine.name === 'docker') {
      await this.engine.compose('up', '--detach', ...Object.values(SCALE).flat());
    }
    for (const service of inOrder()) {
      // podman-compose waits for health with podman 4.6, and takes one --scale only.
      if (this.engine.name === 'podman') {
        const options = ['--detach', '--no-build', '--no-deps', ...(SCALE[service] ?? [])];
        await this.engine.compose('up', ...options, service);
      }
      for (const container of await this.containers(service)) await ready(this.engine, container);
    }
  }

  containers(service: string): Promise<string[]> {
    return containersOf(this.engine, service);
  }

  /** The address of a port of a container on this computer. */
  async address(container: string, port: number): Promise<string> {
    const published = await this.engine.engine('port', container, String(port));
    return published.split('\n')[0]!.trim();
  }

  /** The base URLs of all APIs. */
  async apis(): Promise<string[]> {
    const containers = await this.containers('api');
    const addresses = await Promise.all(containers.map((name) => this.address(name, 8080)));
    return addresses.map((address) => `http://${address}/v1`);
  }

  async client(api = 0): Promise<OpenAI> {
    return new OpenAI({ baseURL: (await this.apis())[api]!, apiKey: this.apiKey, maxRetries: 0 });
  }

  /** SIGKILL for every container of a service, then a start as after a crash. */
  async killAndStart(service: string): Promise<void> {
    for (const container of await this.containers(service)) {
      await this.engine.engine('kill', '--signal', 'KILL', container);
      await this.startAgain(container);
    }
  }

  async startAgain(container: string): Promise<void> {
    await this.engine.engine('start', container);
    await ready(this.engine, container);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // podman-compose forgets the second container of a service.
    const all = (await this.engine.engine('ps', '--all', '--quiet', '--filter', LABEL)).split('\n');
    const ids = all.filter(Boolean);
    if (ids.length > 0) await this.engine.engine('rm', '--force', ...ids);
    await this.engine.compose('down', '--volumes');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What git would add, which has neither secrets nor node_modules. */
function copyCheckout(folder: string): void {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const files = execFileSync('git', list, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 });
  for (const file of files.split('\0').filter(Boolean)) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(join(ROOT, file), join(folder, file), { force: true });
  }
}

/** Each service after those that it depends on. */
function inOrder(): string[] {
  const services = readCompose();
  const order: string[] = [];
  const visit = (name: string) => {
    if (order.includes(name)) return;
    for (const other of Object.keys(services[name]?.depends_on ?? {})) visit(other);
    order.push(name);
  };
  for (const name of [...Object.keys(services), 'model']) visit(name);
  return order;
}
