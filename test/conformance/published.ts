/** The part of JSON Schema, and of OpenAPI's dialect of it, that the description uses. */
export type Published = {
  $ref?: string;
  $recursiveRef?: string;
  type?: string;
  nullable?: boolean;
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, Published>>;
  required?: readonly string[];
  additionalProperties?: boolean | Published;
  propertyNames?: Published;
  maxProperties?: number;
  items?: Published;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
  default?: unknown;
  oneOf?: readonly Published[];
  anyOf?: readonly Published[];
  allOf?: readonly Published[];
};
