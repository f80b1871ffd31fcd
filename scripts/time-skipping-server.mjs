// Fetches Temporal's time-skipping test server (Java) with Maven into the user's cache folder, once. Tests over days need it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const VERSION = '1.32.0';
const cache = process.env.XDG_CACHE_HOME;
const tools = path.join(
  cache !== undefined && path.isAbsolute(cache) ? cache : path.join(homedir(), '.cache'),
  'retinue',
);
const place = path.join(tools, `time-skipping-server-${VERSION}`);

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>retinue</groupId>
  <artifactId>time-skipping-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-nop</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/** Runs the server whose jars lie beside it; arguments go on to it. */
const LAUNCHER = `#!/bin/sh
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$(dirname "$0")/jars/*" io.temporal.testserver.TestServer "$@"
`;

function fetchInto(folder) {
  writeFileSync(path.join(folder, 'pom.xml'), POM);
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=jars'];
  const { status, error } = spawnSync('mvn', ['-q', '-B', ...goal], { cwd: folder, stdio: 'inherit' });
  if (error !== undefined) throw new Error(`Maven cannot be run (${error.message}): install it, and Java 17.`);
  if (status !== 0) throw new Error('Maven could not fetch the server: see above, and try again.');
}

if (!existsSync(place)) {
  mkdirSync(tools, { recursive: true });
  const draft = mkdtempSync(path.join(tools, '.time-skipping-'));
  try {
    fetchInto(draft);
    // Of several at once the first wins.
    if (!existsSync(place)) renameSync(draft, place);
  } catch (error) {
    console.error(`time-skipping server: ${error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
if (existsSync(place)) {
  writeFileSync(path.join(place, 'run'), LAUNCHER, { mode: 0o755 });
  console.log(`time-skipping server: ${path.join(place, 'run')}`);
}
