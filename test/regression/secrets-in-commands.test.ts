import { describe, expect, test } from 'vitest';
import { redactedContent } from '../../src/audit/index.ts';

const kept = (value: unknown): unknown =>
  (JSON.parse(redactedContent({ arguments: value })) as { arguments: unknown }).arguments;
const SECRET = 'hunt3r2-Zq';

describe('what is kept of a command names no secret that it was given', () => {
  test.each([
    // Read with SECRET in the place of §.
    'curl -u ann:§ https://x.example/',
    'curl -sSu ann:§ https://x.example/',
    'curl -uann:§ https://x.example/',
    'curl --user ann:§ x',
    'curl --user=ann:§ x',
    `curl -u 'ann:§ and more' x`,
    'curl --proxy-user ann:§ x',
    'curl -E cert.pem:§ x',
    `curl -H 'Authorization: Basic §' x`,
    `curl -H "X-Api-Key: §" x`,
    `curl -b 'session=§' x`,
    'curl --cookie "sid=§" x',
    'wget --password=§ x',
    'wget --user=ann --ftp-password § x',
    'wget --header="Authorization: Bearer §" x',
    'http -a ann:§ x.example',
    'https --auth=ann:§ x.example',
    'lftp -u ann,§ host',
    'smbclient //s/x -U ann%§',
    'mysql -u root -p§ shop',
    `mysqldump -uroot -p'§' shop`,
    'mariadb -p"§" shop',
    'mysql --password=§',
    'MYSQL_PWD=§ mysql',
    'PGPASSWORD=§ psql -h db',
    `export PGPASSWORD='§'`,
    'SSHPASS=§ sshpass -e ssh host',
    'sshpass -p § ssh a@b',
    `sshpass -p'§' ssh a@b`,
    '/usr/bin/sshpass -p "§" scp a b',
    'docker login -u ann -p § registry.example',
    'podman login -p=§ x',
    'helm registry login -p § x',
    'az login --service-principal -u a -p § --tenant t',
    'echo § | docker login -u ann --password-stdin',
    `echo 'ann:§' | sudo chpasswd`,
    'redis-cli -a § ping',
    'mongosh --host db -u ann -p § admin',
    'sqlcmd -S db -U sa -P §',
    'bcp t out f -U sa -P§',
    'sqlplus scott/§@db',
    'ldapsearch -D cn=a -w § x',
    'cqlsh -u a -p §',
    'zip -P § a.zip f',
    '7z a -p§ a.7z f',
    'keytool -list -storepass §',
    'openssl enc -aes256 -k § -in f',
    'ipmitool -U a -P § power status',
    'useradd -p § ann',
    'vault login §',
    'xfreerdp /u:ann /p:§ /v:h',
    'aws configure set aws_secret_access_key §',
    'npm config set //r.example/:_authToken §',
    'kubectl create secret generic s --from-literal=k=§',
    'ENV DB_PASSWORD §',
    'setx API_KEY §',
    'machine x.example login ann password §',
    'true; mysql -p§ shop && true',
  ])('%s', (shape) => {
    expect(kept(shape.replace('§', SECRET))).toContain('[secret]');
    expect(kept(shape.replace('§', SECRET))).not.toMatch(/hunt3r2|Zq/);
  });

  test.each([
    { list: ['curl', '-u', `ann:${SECRET} and; more`, 'x'], is: ['curl', '-u', 'ann:[secret]', 'x'] },
    { list: ['curl', `-uann:${SECRET}`], is: ['curl', '-uann:[secret]'] },
    { list: ['mysql', `-p${SECRET}`, 'shop'], is: ['mysql', '-p[secret]', 'shop'] },
    { list: ['sshpass', '-p', SECRET, 'ssh', 'h'], is: ['sshpass', '-p', '[secret]', 'ssh', 'h'] },
    { list: ['sudo', 'docker', 'login', '-p', SECRET, 'r'], is: ['sudo', 'docker', 'login', '-p', '[secret]', 'r'] },
    { list: ['/opt/redis-cli', '-a', SECRET, 'ping'], is: ['/opt/redis-cli', '-a', '[secret]', 'ping'] },
    { list: ['bash', '-c', `mysql -p${SECRET} shop`], is: ['bash', '-c', 'mysql -p[secret] shop'] },
    { list: [7, null, 'sshpass', '-p', SECRET], is: [7, null, 'sshpass', '-p', '[secret]'] },
  ])('as a list of arguments: $is', ({ list, is }) => {
    expect(kept({ argv: list })).toEqual({ argv: is });
  });

  test('as arguments beside the program', () => {
    expect(kept({ command: 'curl', args: ['-u', `ann:${SECRET}`] })).toEqual({
      command: 'curl',
      args: ['-u', 'ann:[secret]'],
    });
    expect(kept({ program: 'docker', argv: ['login', '-p', SECRET] })).toEqual({
      program: 'docker',
      argv: ['login', '-p', '[secret]'],
    });
  });
});

test.each([
  'postgres://ann:§@db/x',
  'postgresql+psycopg2://ann:§@db/x',
  'mongodb+srv://ann:§@c0.example/x',
  'redis://:§@cache:6379/0',
  'mysql://root:p@§@db/x',
  'mysql://ann:a/§@db/x',
  'postgres://db/x?user=ann&password=§',
  'jdbc:postgresql://db/x?user=ann&password=§',
  'jdbc:oracle:thin:scott/§@//db:1521/x',
  'jdbc:sqlserver://db;user=sa;password=§;',
  'Server=db;Database=x;User Id=sa;Password=§;',
  'Server=db;Uid=sa;Pwd=§;',
  'host=db user=ann password=§ dbname=x',
  'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=§==;',
  'Endpoint=sb://x/;SharedAccessKeyName=k;SharedAccessKey=§=',
  `CREATE USER a IDENTIFIED BY '§'`,
  `ALTER USER a WITH PASSWORD '§'`,
  `SET PASSWORD FOR a = PASSWORD('§')`,
  'requirepass §',
  '//registry.example/:_authToken=§',
  '_auth=§',
  '<password>§</password>',
  'git clone https://§§§@forge.example/x',
  'https://api.chat.example/bot123456789:§§§§/getMe',
])('the secret of what leads to a database or a service is hidden: %s', (shape) => {
  expect(kept(shape.replaceAll('§', SECRET))).toContain('[secret]');
  expect(kept(shape.replaceAll('§', SECRET))).not.toMatch(/hunt3r2|Zq/);
});

test('commands and texts that give nothing away stay as they are', () => {
  const honest = [
    ['mkdir -p some/deep/dir', 'docker run -p 8080:80 nginx', 'ssh -p 2222 ann@host', 'cp -p a b', 'ps -p 1234'],
    ['python -u script.py', 'sort -u names.txt', 'git push -u origin main', 'date -u +%F', 'tmux -u a:b'],
    ['docker run -u 1000:1000 alpine', 'chown -R ann:staff dir', 'psql -U ann -h db', 'useradd -u 1001 ann'],
    ['mysql -u root -p shop', 'mysql -u root -p', 'mysqldump --single-transaction --port=3306 shop', 'mysql -P 3307 x'],
    ['curl -u https://x.example/', 'curl --user-agent "a: b" x', 'curl -H "Accept: application/json" x'],
    ['docker login registry.example', 'sshpass -f file ssh h', 'sshpass -e ssh h', 'redis-cli ping', 'zip -r a.zip d'],
    ['ldapsearch -x -b dc=x', 'openssl rand -base64 32', 'vault login -method=oidc', 'az login', 'echo hi | wc -c'],
    ['git config user.name ann', 'npm config get registry', 'kubectl create configmap c --from-literal=color=blue'],
    ['postgres://db:5432/x?user=a@b', 'redis://cache:6379', 'https://user@host/x', 'git@forge.example:ann/x.git'],
    ['http://x.example:80 or mail ann@x.example', 'https://x.example:8080/a@b', 'ssh://git@forge.example:22/x.git'],
    [
      'SELECT password FROM users',
      'identified by their names',
      'ENV vars: the API key is there',
      'the vault login page',
    ],
    ['<input type="password">', 'Password policy: at least 12 signs', 'reset password for ann', 'log -p --stat'],
    ['mkdir', '-p', 'a/b'],
    ['docker', 'run', '-p', '80:80'],
    ['git', 'push', '-u', 'origin:main'],
    [{ command: 'ssh', args: ['-p', '2222', 'host'] }],
  ];
  expect(kept(honest)).toEqual(honest);
});

test('a text made to be slow to look through is not', () => {
  const began = performance.now();
  for (const part of [
    ...['curl -u a:', 'curl -b a=', 'mysql ', 'mysql -p', 'docker login -p ', 'sqlplus a/', 'ENV a', 'net /user:a '],
    ...['machine login a password ', 'kubectl secret --from-literal a=', 'echo a | ', 'http://a:b,', 'postgres://a:'],
    ...['aws config set akey ', '<a password ', 'jdbc:oracle:thin:a/', 'identified by ', 'vault login 1', 'storepass'],
  ]) {
    kept(part.repeat(400));
    kept(Array.from({ length: 250 }, () => part));
  }
  expect(performance.now() - began).toBeLessThan(1_000);
});
