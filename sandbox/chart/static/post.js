// Requests that change something carry the token of the session, which only a page of ours can read.

const token = () => document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>} what the server answered, null for nothing
 */
export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token() },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`the hospital answered ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}
