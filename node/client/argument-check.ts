import { fromJsonSchema, type JsonSchemaType, type StandardSchemaV1, type Tool } from '@modelcontextprotocol/client';
import { ClientError } from './client-error.ts';

type Validate = StandardSchemaV1['~standard']['validate'];

const MAX_TOLD = 5;

/** Checks arguments against the schemas of tools; each schema is read once. */
export class ArgumentCheck {
  readonly #validators = new WeakMap<Tool, Validate>();

  /** Errors: INVALID_ARGUMENTS, and INVALID_SCHEMA where the tool's own cannot be read. */
  async fits(tool: Tool, args: Readonly<Record<string, unknown>>): Promise<void> {
    const { issues } = await this.#validatorOf(tool)(args);
    if (issues === undefined) return;
    const told = issues.slice(0, MAX_TOLD).map(({ message }) => message);
    const message = `the arguments do not fit ${tool.name}: ${told.join('; ')}`;
    throw new ClientError('INVALID_ARGUMENTS', message, { notStarted: true });
  }

  #validatorOf(tool: Tool): Validate {
    const known = this.#validators.get(tool);
    if (known !== undefined) return known;
    try {
      const { validate } = fromJsonSchema(tool.inputSchema as JsonSchemaType)['~standard'];
      this.#validators.set(tool, validate);
      return validate;
    } catch (cause) {
      const message = `the schema of ${tool.name} cannot be read`;
      throw new ClientError('INVALID_SCHEMA', message, { cause, notStarted: true });
    }
  }
}
