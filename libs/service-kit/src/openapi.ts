import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';

export type { OpenAPIObject } from '@nestjs/swagger';

/**
 * The OpenAPI 3.1 document of a Nest application, from its controllers' zod schemas. Schemas with `.meta({id})` become
 * components; a query object must have none, or its parameters vanish.
 */
export function openApiOf(app: NestFastifyApplication, service: string, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(`Quell ${service}`)
    .setVersion(version)
    .setOpenAPIVersion('3.1.1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key' })
    .addSecurityRequirements('bearer')
    .build();
  return SwaggerModule.createDocument(app, config, {
    // The built-in converter always writes OpenAPI 3.0 schemas.
    standardSchemaConverter: (schema, { schemaType }) => {
      const {
        $defs,
        $schema: _,
        ...own
      } = z.toJSONSchema(schema as z.ZodType, {
        io: schemaType,
        target: 'draft-2020-12',
        unrepresentable: 'any',
      });
      return { schema: own as never, components: $defs ?? {} };
    },
  });
}
