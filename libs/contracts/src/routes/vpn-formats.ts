import { z } from 'zod';
import { vpnExportAnswer, vpnExportRequest, vpnImportAnswer, vpnImportQuery } from '../vpn-formats.ts';
import type { Route } from './route.ts';
import { examplePayload, vpnTag } from './vpn.ts';

const document = {
  PayloadType: 'com.apple.vpn.managed',
  UserDefinedName: 'Office',
  VPNType: 'IKEv2',
  IKEv2: examplePayload,
};
const profile = 'A .mobileconfig, XML or binary, signed or not, or an AnyConnect profile; of at most 2 MiB.';

export const vpnFormatRoutes: readonly Route[] = [
  {
    id: 'importVpn',
    method: 'POST',
    path: '/v1/vpn/import',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate', 'vpn:read'] },
    tag: vpnTag,
    summary: 'What a .mobileconfig or an AnyConnect profile says',
    description:
      'Every VPN and DNS payload of a .mobileconfig, every host entry of an AnyConnect profile, with what lint says of it and where. A ' +
      'signature is reported apart from what was signed; no chain of certificates is followed. Nothing is stored. A value that may be a ' +
      'secret is replaced by a mark and listed in `withheld`. Refused with the place and the reason: what is malformed, encrypted, or a ' +
      'template that nobody filled in.',
    query: vpnImportQuery,
    body: {
      schema: z.string(),
      example: '<?xml version="1.0"?><plist version="1.0"><dict>…</dict></plist>',
      linesOnly: true,
      otherTypes: {
        'application/x-apple-aspen-config': profile,
        'application/xml': profile,
        'text/xml': profile,
        'application/pkcs7-mime': profile,
        'application/octet-stream': profile,
      },
    },
    answers: {
      200: {
        description: 'What is in the file.',
        body: {
          schema: vpnImportAnswer,
          example: {
            result: 'imported',
            format: 'plist-xml',
            profile: { name: 'Office', identifier: 'org.example.vpn' },
            signature: { signed: false },
            policies: [
              {
                payloadType: 'com.apple.vpn.managed',
                index: 0,
                name: 'Office',
                document,
                base: '/IKEv2',
                payload: examplePayload,
                withheld: [],
                variables: [],
                findings: [],
              },
            ],
            otherPayloads: ['com.apple.security.pkcs12'],
          },
        },
      },
    },
    problems: ['unprocessable', 'unavailable'],
  },
  {
    id: 'exportVpn',
    method: 'POST',
    path: '/v1/vpn/export',
    owner: 'vpn-policy',
    access: { anyScope: ['vpn:evaluate', 'vpn:read'] },
    tag: vpnTag,
    summary: 'Policies as a file for their target',
    description:
      'A .mobileconfig, `onDemandRules` for Microsoft Graph (Intune), or an AnyConnect profile. Errors of lint refuse it unless they are ' +
      'accepted, as does what the target cannot hold. No secret is written: `remarks` says what to fill in. The file is not signed, ' +
      'whatever the policies came from.',
    body: { schema: vpnExportRequest, example: { target: 'apple', policies: [document] } },
    answers: {
      200: {
        description: 'The file, and what is to be said of it.',
        body: {
          schema: vpnExportAnswer,
          example: {
            result: 'exported',
            mediaType: 'application/xml',
            content: '<?xml version="1.0" encoding="UTF-8"?>…',
            encoding: 'text',
            findings: [],
            remarks: [
              { policy: null, place: '', text: 'host entries only: merge them into the profile that is deployed' },
            ],
          },
        },
      },
    },
    problems: ['unprocessable', 'unavailable'],
  },
];
