// lib/certificates.mjs - authorities, keys and certificates made by openssl(1) in a directory of their own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const keys = { ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], rsa: ['rsa:2048'] };

export class Certificates {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'weir-e2e-tls-'));
    for (const name of ['ca', 'other'])
      this.openssl('req', '-x509', '-newkey', ...keys.ec, '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`,
        '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE');
  }
  openssl(...args) { return execFileSync('openssl', args, { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] }); }
  path(name) { return join(this.dir, name); }
  text(name) { return readFileSync(this.path(name), 'utf8'); }
  /** Makes `stem`.pem and `stem`.key for `names`; gives their paths as [[certificate]] has them. */
  make(stem, names, { kind = 'ec', authority = 'ca', days = 20 } = {}) {
    this.openssl('req', '-new', '-newkey', ...keys[kind], '-nodes', '-keyout', `${stem}.key`, '-out', `${stem}.csr`, '-subj', `/CN=${stem}`);
    writeFileSync(this.path(`${stem}.ext`), `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
    const sign = (...time) => this.openssl('x509', '-req', '-in', `${stem}.csr`, '-CA', `${authority}.pem`, '-CAkey', `${authority}.key`,
      '-CAcreateserial', ...time, '-out', `${stem}.pem`, '-extfile', `${stem}.ext`);
    try {
      sign('-days', String(days));
    } catch (error) { // Before 3.4 openssl knows no other way to an end in the past than these days, and since then not these.
      if (days >= 0) throw error;
      sign('-not_before', '20200101000000Z', '-not_after', '20200102000000Z');
    }
    return { chain: this.path(`${stem}.pem`), key: this.path(`${stem}.key`) };
  }
  /** Puts the certificate `from` in the place of `to`, as whoever renews one does it: file by file. */
  replace(to, from) {
    for (const end of ['pem', 'key']) renameSync(this.path(`${from}.${end}`), this.path(`${to}.${end}`));
  }
  /** For `pin` of a server. */
  pin(stem) {
    const der = this.openssl('x509', '-in', `${stem}.pem`, '-noout', '-pubkey').toString();
    writeFileSync(this.path(`${stem}.pub`), der);
    this.openssl('pkey', '-pubin', '-in', `${stem}.pub`, '-outform', 'DER', '-out', `${stem}.spki`);
    this.openssl('dgst', '-sha256', '-binary', '-out', `${stem}.digest`, `${stem}.spki`);
    return `sha256/${readFileSync(this.path(`${stem}.digest`)).toString('base64')}`;
  }
  stop() { rmSync(this.dir, { recursive: true, force: true }); }
}
