import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Scope } from '@quell/contracts/scopes';
import { mayDo, type Principal } from './api-key.ts';
import type { Authenticator } from './authenticator.ts';
import { refusal } from './problem-error.ts';

export const AUTHENTICATOR = Symbol('authenticator');
const SCOPES = 'quell:scopes';
const PUBLIC = 'quell:public';

/** Any one of these scopes opens the route; `admin` opens every route. A route with neither this nor `@Public()` needs `admin`. */
export const Scopes = (first: Scope, ...others: Scope[]) => SetMetadata(SCOPES, [first, ...others]);

/** The route needs no API key: it is open, or another guard of its own looks after it. */
export const Public = () => SetMetadata(PUBLIC, true);

interface WithPrincipal {
  headers: { authorization?: string };
  principal?: Principal;
}

/** The caller, in a controller behind `@Scopes`. */
export const CurrentPrincipal = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<WithPrincipal>();
  if (principal === undefined) throw new Error('CurrentPrincipal on a route without @Scopes');
  return principal;
});

/** The principal of a request header, or a 401/403 problem thrown. For routes outside Nest; inside, the guard calls it. */
export async function requireScope(
  authenticator: Authenticator,
  header: string | undefined,
  wanted: readonly Scope[],
): Promise<Principal> {
  const answer = await authenticator.authenticate(header);
  if (answer.kind === 'refused') {
    const detail =
      answer.reason === 'missing'
        ? 'Send an API key as "Authorization: Bearer …".'
        : 'The credential is unknown, expired or revoked.';
    throw refusal('unauthenticated', detail, { headers: { 'www-authenticate': 'Bearer realm="quell"' } });
  }
  if (!mayDo(answer.principal, wanted)) {
    throw refusal('forbidden', `This needs the scope ${wanted.join(' or ')}.`, {
      headers: { 'www-authenticate': `Bearer realm="quell", error="insufficient_scope", scope="${wanted.join(' ')}"` },
    });
  }
  return answer.principal;
}

@Injectable()
export class AuthGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #authenticator: Authenticator;

  constructor(reflector: Reflector, @Inject(AUTHENTICATOR) authenticator: Authenticator) {
    this.#reflector = reflector;
    this.#authenticator = authenticator;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.#reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets)) return true;
    const wanted = this.#reflector.getAllAndOverride<readonly Scope[] | undefined>(SCOPES, targets) ?? ['admin'];
    const request = context.switchToHttp().getRequest<WithPrincipal>();
    request.principal = await requireScope(this.#authenticator, request.headers.authorization, wanted);
    return true;
  }
}
