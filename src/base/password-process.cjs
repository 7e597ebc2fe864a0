// Where passwords are hashed: a process of its own, so that argon2 takes neither libuv's pool nor
// the processor from signing and answering. CommonJS, because the loader of ES modules starts
// libuv's threads before a module's first line, and on Linux a thread keeps the priority it was
// born with.
const { constants, setPriority } = require('node:os');

try {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // not allowed here: hashing then competes as an equal, which is still correct
}
const argon2 = require('argon2');

const cost = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

process.on('message', async ({ id, password, hash }) => {
  let answer;
  try {
    answer = {
      id,
      value: await (hash ? argon2.verify(hash, password) : argon2.hash(password, cost)),
    };
  } catch {
    answer = { id }; // the library's message could quote what it was given
  }
  if (process.connected) process.send(answer);
});

process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the parent says when we are done
process.on('disconnect', () => process.exit());
