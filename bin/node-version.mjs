/**
 * Finds a Node that runs TypeScript by stripping types. The packages contain one, so the Node that runs npm only has to be
 * new enough for npm. This file is plain JavaScript, because any Node may run it.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLED = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

const MINIMUM = [20, 9];
const STRIPS_TYPES = [22, 18];

/** A sentence about a running Node that is too old, or undefined. */
export function nodeProblem() {
  if (atLeast(MINIMUM)) return undefined;
  return `Threadmill needs Node ${MINIMUM.join('.')} or newer, but this is ${process.versions.node}: install a newer one from https://nodejs.org.`;
}

/** The running Node if it strips types, else the Node among the packages. */
export function nodeForTypeScript() {
  if (atLeast(STRIPS_TYPES)) return process.execPath;
  return existsSync(BUNDLED) ? BUNDLED : undefined;
}

export function noNodeForTypeScript() {
  return (
    `Threadmill runs on Node ${STRIPS_TYPES.join('.')} or newer, but this is ${process.versions.node} and the packages ` +
    `hold none for ${process.platform}-${process.arch}: run npm install, or install Node 24.`
  );
}

function atLeast([wantedMajor, wantedMinor]) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
