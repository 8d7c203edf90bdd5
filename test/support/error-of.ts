/** What a refused request was told: the status, and every field of the error. */
export async function errorOf(
  answer: Response | Promise<Response>,
): Promise<Record<string, unknown>> {
  const response = await answer;
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  return { status: response.status, ...error };
}
